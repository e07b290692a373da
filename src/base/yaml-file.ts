import { LineCounter, parseDocument, isNode, type Document } from 'yaml';
import type { z } from 'zod';
import { didYouMean } from './did-you-mean.ts';
import { MeshproofError, type ErrorCode } from './errors.ts';
import { keysOf, optionsAt } from './schema-words.ts';

/** Something that is wrong in a file that a person wrote. */
export interface Finding {
  file: string;
  line: number;
  column: number;
  /** Field path, `load.rps`; empty for the whole document. */
  path: string;
  message: string;
}

/** What one file holds, or everything that is wrong with it; never half of it. */
export type Parsed<T> = { value: T; findings: [] } | { value?: undefined; findings: Finding[] };

/** A field path of a document. */
export type FieldPath = readonly (string | number)[];

/** Says of a value that its schema let through what is wrong with it, at the place where it stands. */
export type Report = (path: FieldPath, message: string) => void;

/**
 * YAML that must fit a schema. `check` looks at what the schema cannot see (names that refer to one another).
 *
 * Findings have file, line and column; a misspelt field or choice is told with the nearest one that exists.
 */
export function parseYaml<T>(
  schema: z.ZodType<T>,
  text: string,
  file: string,
  check: (value: T, report: Report) => void = () => {},
): Parsed<T> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    return {
      findings: document.errors.map((error) => {
        const at = lines.linePos(error.pos[0]);
        return { file, line: at.line, column: at.col, path: '', message: `not YAML: ${error.message}` };
      }),
    };
  }
  const result = schema.safeParse(document.toJS() ?? {});
  if (!result.success)
    return { findings: result.error.issues.flatMap((issue) => findingsOf(issue, { schema, document, lines, file })) };
  const findings: Finding[] = [];
  check(result.data, (path, message) => findings.push({ ...locate(document, lines, path, file, false), message }));
  return findings.length === 0 ? { value: result.data, findings: [] } : { findings };
}

/** `file:line:column: path: message` */
export function formatFinding(finding: Finding): string {
  return `${finding.file}:${finding.line}:${finding.column}: ${finding.path === '' ? '' : `${finding.path}: `}${finding.message}`;
}

/** @throws MeshproofError with every finding, if there is any */
export function throwFindings(code: ErrorCode, findings: readonly Finding[]): void {
  if (findings.length === 0) return;
  throw new MeshproofError(
    code,
    findings.map(formatFinding).join('\n'),
    'Run `meshproof validate FILE` after mending it; nothing was started.',
  );
}

/** `; did you mean \`x\`?`, or nothing. */
export function suggest(word: string, candidates: readonly string[]): string {
  const suggestion = didYouMean(word, candidates);
  return suggestion === undefined ? '' : `; did you mean \`${suggestion}\`?`;
}

interface Place {
  schema: z.ZodType;
  document: Document;
  lines: LineCounter;
  file: string;
}

function findingsOf(issue: z.core.$ZodIssue, place: Place, above: FieldPath = []): Finding[] {
  const { schema, document, lines, file } = place;
  const path = [...above, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  const got = document.getIn(path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      ...locate(document, lines, [...path, key], file, true),
      message: `unknown field \`${key}\`${suggest(key, keysOf(schema))}`,
    }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // A choice between a short and a long form: the findings of the form that the writer chose.
    const branch = issue.errors.find((issues) => !issues.some((each) => each.path.length === 0 && isKind(each)));
    if (branch !== undefined) return branch.flatMap((each) => findingsOf(each, place, path));
  }
  const options = issue.code === 'invalid_value' ? issue.values.map(String) : optionsOf(issue, schema, path);
  const shown = got === undefined ? 'nothing' : isNode(got) ? 'a mapping or list' : JSON.stringify(got);
  const wanted = options.length > 0 ? `expected one of ${options.join(', ')}` : wordsOf(issue);
  return [
    {
      ...locate(document, lines, path, file, false),
      message: `${wanted}; got ${shown}${typeof got === 'string' ? suggest(got, options) : ''}`,
    },
  ];
}

/** The value is of another kind altogether: text where a mapping is wanted. */
function isKind(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' || issue.code === 'invalid_union';
}

function optionsOf(issue: z.core.$ZodIssue, schema: z.ZodType, path: FieldPath): string[] {
  return issue.code === 'invalid_union' && issue.errors.length === 0 ? optionsAt(schema, path) : [];
}

function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_union') return issue.message.replace(/^Invalid input: /, '');
  const kinds = issue.errors.flatMap(([first]) => (first?.code === 'invalid_type' ? [first.expected] : []));
  return kinds.length === 0 ? 'does not fit' : `expected ${[...new Set(kinds)].join(' or ')}`;
}

/** Position of the nearest thing that exists: a missing field is shown at its parent. */
function locate(
  document: Document,
  lines: LineCounter,
  path: FieldPath,
  file: string,
  key: boolean,
): Omit<Finding, 'message'> {
  let at: { line: number; col: number } = { line: 1, col: 1 };
  for (let depth = path.length; depth >= 0; depth--) {
    const node = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) {
      at = lines.linePos(node.range[0]);
      if (key && depth === path.length) at = keyPosition(document, lines, path) ?? at;
      break;
    }
  }
  return { file, line: at.line, column: at.col, path: path.join('.') };
}

function keyPosition(
  document: Document,
  lines: LineCounter,
  path: FieldPath,
): { line: number; col: number } | undefined {
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (typeof parent !== 'object' || parent === null || !('items' in parent) || !Array.isArray(parent.items))
    return undefined;
  for (const item of parent.items as { key?: { value?: unknown; range?: [number, number, number] } }[]) {
    const range = item.key?.range;
    if (range && item.key?.value === path.at(-1)) return lines.linePos(range[0]);
  }
  return undefined;
}
