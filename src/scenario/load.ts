import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LineCounter, parseDocument, isNode, type Document } from 'yaml';
import type { z } from 'zod';
import { MeshproofError } from '../base/errors.ts';
import { didYouMean } from '../base/did-you-mean.ts';
import { scenarioSchema, suiteSchema, type Scenario, type Suite } from './schema.ts';

/** Where meshproof's own scenarios live. */
export const scenariosDir = fileURLToPath(new URL('../../scenarios', import.meta.url));

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

export function parseScenario(text: string, file: string): Parsed<Scenario> {
  return parse(scenarioSchema(), text, file);
}

export function parseSuite(text: string, file: string): Parsed<Suite> {
  return parse(suiteSchema, text, file);
}

function parse<T>(schema: z.ZodType<T>, text: string, file: string): Parsed<T> {
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
  if (result.success) return { value: result.data, findings: [] };
  return { findings: result.error.issues.flatMap((issue) => findingsOf(issue, document, lines, file)) };
}

function findingsOf(issue: z.core.$ZodIssue, document: Document, lines: LineCounter, file: string): Finding[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const suggestion = didYouMean(key, knownKeys());
      return {
        ...locate(document, lines, [...path, key], file, true),
        message: `unknown field \`${key}\`${suggestion === undefined ? '' : `; did you mean \`${suggestion}\`?`}`,
      };
    });
  }
  const got = document.getIn(path);
  const shown = got === undefined ? 'nothing' : isNode(got) ? 'a mapping or list' : JSON.stringify(got);
  const options =
    issue.code === 'invalid_value'
      ? issue.values.map(String)
      : issue.code === 'invalid_union'
        ? unionOptions(issue)
        : [];
  const wanted =
    options.length > 0 ? `expected one of ${options.join(', ')}` : issue.message.replace(/^Invalid input: /, '');
  const suggestion = typeof got === 'string' ? didYouMean(got, options) : undefined;
  return [
    {
      ...locate(document, lines, path, file, false),
      message: `${wanted}; got ${shown}${suggestion === undefined ? '' : `; did you mean \`${suggestion}\`?`}`,
    },
  ];
}

function unionOptions(issue: z.core.$ZodIssue): string[] {
  return 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
}

/** Position of the nearest thing that exists: a missing field is shown at its parent. */
function locate(
  document: Document,
  lines: LineCounter,
  path: (string | number)[],
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
  path: (string | number)[],
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

/** Field names the schema knows anywhere: enough for a spelling hint. */
function knownKeys(): string[] {
  const keys = new Set<string>();
  const visit = (schema: unknown): void => {
    const def = (schema as { def?: Record<string, unknown> } | undefined)?.def;
    if (def === undefined) return;
    if (typeof def['shape'] === 'object' && def['shape'] !== null) {
      for (const [key, child] of Object.entries(def['shape'])) {
        keys.add(key);
        visit(child);
      }
    }
    for (const key of ['innerType', 'element'] as const) visit(def[key]);
    if (Array.isArray(def['options'])) for (const option of def['options']) visit(option);
  };
  visit(scenarioSchema());
  for (const key of Object.keys(suiteSchema.def.shape)) keys.add(key);
  return [...keys];
}

export function formatFinding(finding: Finding): string {
  return `${finding.file}:${finding.line}:${finding.column}: ${finding.path === '' ? '' : `${finding.path}: `}${finding.message}`;
}

/** Files by id. */
export interface Catalogue {
  scenarios: Map<string, string>;
  suites: Map<string, string>;
}

/** Every scenario and suite that comes with meshproof, by id. */
export async function catalogue(dir = scenariosDir): Promise<Catalogue> {
  return { scenarios: await yamlFiles(dir), suites: await yamlFiles(join(dir, 'suites')) };
}

async function yamlFiles(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder).catch(() => []);
  return new Map(
    names.filter((name) => name.endsWith('.yaml')).map((name) => [basename(name, '.yaml'), join(folder, name)]),
  );
}

/** Checks a file, whichever of the two it is: a suite lists scenarios, a scenario has an experiment. */
export function parseFile(text: string, file: string): Parsed<Scenario> | Parsed<Suite> {
  return isSuite(text) ? parseSuite(text, file) : parseScenario(text, file);
}

function isSuite(text: string): boolean {
  return /^\s*scenarios\s*:/m.test(text) && !/^\s*experiment\s*:/m.test(text);
}

/**
 * Turns what a person typed (ids of scenarios or suites, or files of either) into scenarios, each once, in order. A suite
 * finds its scenarios beside itself, else among those that come with meshproof.
 *
 * @throws MeshproofError MESHPROOF_SCENARIO_UNKNOWN with a did-you-mean, MESHPROOF_SCENARIO_INVALID with every finding.
 */
export async function loadScenarios(names: readonly string[], dir = scenariosDir): Promise<Scenario[]> {
  const known = await catalogue(dir);
  const files: string[] = [];
  for (const name of names) {
    const isPath = /\.ya?ml$/.test(name);
    const suite = isPath ? (isSuite(await readText(name)) ? name : undefined) : known.suites.get(name);
    if (suite === undefined) {
      files.push(isPath ? name : fileOf(name, known.scenarios, [...known.scenarios.keys(), ...known.suites.keys()]));
      continue;
    }
    const parsed = parseSuite(await readText(suite), suite);
    throwFindings(parsed.findings);
    const reachable = new Map([...known.scenarios, ...(await yamlFiles(dirname(suite)))]);
    for (const id of parsed.value?.scenarios ?? []) files.push(fileOf(id, reachable, [...reachable.keys()]));
  }
  const scenarios = new Map<string, { scenario: Scenario; file: string }>();
  const findings: Finding[] = [];
  for (const file of new Set(files.map((name) => resolve(name)))) {
    const shown = files.find((name) => resolve(name) === file) ?? file;
    const parsed = parseScenario(await readText(file), shown);
    findings.push(...parsed.findings);
    if (parsed.value === undefined) continue;
    const { id } = parsed.value;
    const other = scenarios.get(id);
    // Evidence is kept by id: the one would overwrite the other's.
    if (other !== undefined)
      findings.push({ file: shown, line: 1, column: 1, path: 'id', message: `${id} is also the id of ${other.file}` });
    else scenarios.set(id, { scenario: parsed.value, file: shown });
  }
  throwFindings(findings);
  return [...scenarios.values()].map(({ scenario }) => scenario);
}

function fileOf(name: string, scenarios: Map<string, string>, candidates: string[]): string {
  const file = scenarios.get(name);
  if (file !== undefined) return file;
  const suggestion = didYouMean(name, candidates);
  throw new MeshproofError(
    'MESHPROOF_SCENARIO_UNKNOWN',
    `There is no scenario or suite \`${name}\`${suggestion === undefined ? '' : `; did you mean \`${suggestion}\`?`}`,
    `Known: ${candidates.sort().join(', ')}; or give the path of a .yaml file.`,
  );
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new MeshproofError(
      'MESHPROOF_SCENARIO_UNKNOWN',
      `${file} cannot be read in ${dirname(file)}`,
      'Check the path.',
      { cause: error },
    );
  }
}

function throwFindings(findings: readonly Finding[]): void {
  if (findings.length === 0) return;
  throw new MeshproofError(
    'MESHPROOF_SCENARIO_INVALID',
    findings.map(formatFinding).join('\n'),
    'Run `meshproof validate FILE` after mending it; nothing was started.',
  );
}
