import type { EvidencePath } from '../evidence/path.ts';
import type { EvidenceReader } from '../evidence/reader.ts';

/** What a rule found. `invalid`: the evidence allows no conclusion (thin, restarted proxy, unattributed bytes). */
export interface Outcome {
  status: 'pass' | 'fail' | 'invalid';
  observed: string;
}

/** Pure: the same inputs and files give the same outcome, live and offline. Throws only when evidence is missing or damaged. */
export interface Rule<Inputs> {
  /** What must be seen, in words: derived from the inputs, so that it cannot say something else than what is checked. */
  expected(inputs: Inputs): string;
  judge(inputs: Inputs, evidence: EvidenceReader): Promise<Outcome>;
}

export type RulesFor<Map> = { [Name in keyof Map]: Rule<Map[Name]> };

export function passIf(holds: boolean, observed: string): Outcome {
  return { status: holds ? 'pass' : 'fail', observed };
}

export function invalid(observed: string): Outcome {
  return { status: 'invalid', observed };
}

/** Every evidence path among a rule's inputs, however deep. */
export function evidencePaths(inputs: unknown): EvidencePath[] {
  const found = new Set<EvidencePath>();
  const walk = (value: unknown): void => {
    if (typeof value === 'string' && value.startsWith('evidence/')) found.add(value);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk);
  };
  walk(inputs);
  return [...found];
}
