import { distance } from 'fastest-levenshtein';

/** The candidate nearest to a misspelt word (at most a third of its letters wrong, or one), or undefined. */
export function didYouMean(word: string, candidates: readonly string[]): string | undefined {
  const bound = Math.max(1, Math.floor(word.length / 3));
  const ranked = candidates
    .map((candidate) => ({ candidate, wrong: wrongLetters(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ wrong }) => wrong <= bound)
    .sort((a, b) => a.wrong - b.wrong);
  return ranked[0]?.candidate;
}

/** Two letters that changed places are one mistake, though two edits. */
function wrongLetters(a: string, b: string): number {
  const edits = distance(a, b);
  return inOrder(a) === inOrder(b) ? Math.ceil(edits / 2) : edits;
}

const inOrder = (word: string): string => [...word].sort().join('');
