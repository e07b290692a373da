import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { MeshproofError } from '../base/errors.ts';
import { parseYaml, suggest, throwFindings, type FieldPath, type Finding, type Parsed } from '../base/yaml-file.ts';
import type { ScenarioBase } from '../claims/define-claim.ts';
import { scenarioSchema, suiteSchema, type Scenario, type Suite } from './schema.ts';

/** Where meshproof's own scenarios live. */
export const scenariosDir = fileURLToPath(new URL('../../scenarios', import.meta.url));

/** @param services of the app under test; undefined: whatever a scenario names is let through */
export function parseScenario(text: string, file: string, services?: readonly string[]): Parsed<Scenario> {
  return parseYaml(scenarioSchema(), text, file, (scenario, report) => {
    if (services === undefined) return;
    for (const { path, name } of servicesNamed(scenario))
      if (!services.includes(name))
        report(path, `the application has no service \`${name}\`: ${services.join(', ')}${suggest(name, services)}`);
  });
}

/** Where a scenario names services, and which. */
function servicesNamed(scenario: Scenario): { path: FieldPath; name: string }[] {
  const found: { path: FieldPath; name: string }[] = [];
  const visit = (value: unknown, path: FieldPath): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      const at = [...path, Array.isArray(value) ? Number(key) : key];
      if (typeof child === 'string' && (key === 'service' || key === 'target')) found.push({ path: at, name: child });
      else visit(child, at);
    }
  };
  visit(scenario, []);
  return found;
}

export function parseSuite(text: string, file: string): Parsed<Suite> {
  return parseYaml(suiteSchema, text, file);
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
export function parseFile(text: string, file: string, services?: readonly string[]): Parsed<Scenario> | Parsed<Suite> {
  return isSuite(text) ? parseSuite(text, file) : parseScenario(text, file, services);
}

function isSuite(text: string): boolean {
  return /^\s*scenarios\s*:/m.test(text) && !/^\s*experiment\s*:/m.test(text);
}

/**
 * Turns what a person typed (ids of scenarios or suites, or files of either) into scenarios, each once, in order. A suite
 * finds its scenarios beside itself, else among those that come with meshproof. Services that they name must be among
 * `services`, where these are given.
 *
 * @throws MeshproofError MESHPROOF_SCENARIO_UNKNOWN with a did-you-mean, MESHPROOF_SCENARIO_INVALID with every finding.
 */
export async function loadScenarios(
  names: readonly string[],
  { dir = scenariosDir, services }: { dir?: string | undefined; services?: readonly string[] | undefined } = {},
): Promise<Scenario[]> {
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
    throwFindings('MESHPROOF_SCENARIO_INVALID', parsed.findings);
    const reachable = new Map([...known.scenarios, ...(await yamlFiles(dirname(suite)))]);
    for (const id of parsed.value?.scenarios ?? []) files.push(fileOf(id, reachable, [...reachable.keys()]));
  }
  const scenarios = new Map<string, { scenario: Scenario; file: string }>();
  const findings: Finding[] = [];
  for (const file of new Set(files.map((name) => resolve(name)))) {
    const shown = files.find((name) => resolve(name) === file) ?? file;
    const parsed = parseScenario(await readText(file), shown, services);
    findings.push(...parsed.findings);
    if (parsed.value === undefined) continue;
    const { id } = parsed.value;
    const other = scenarios.get(id);
    // Evidence is kept by id: the one would overwrite the other's.
    if (other !== undefined)
      findings.push({ file: shown, line: 1, column: 1, path: 'id', message: `${id} is also the id of ${other.file}` });
    else scenarios.set(id, { scenario: parsed.value, file: shown });
  }
  throwFindings('MESHPROOF_SCENARIO_INVALID', findings);
  return [...scenarios.values()].map(({ scenario }) => scenario);
}

/** A scenario as a program writes it: the fields of a scenario file (docs/scenario.schema.json). */
export type ScenarioInput = ScenarioBase & Record<string, unknown>;

/**
 * A scenario that is an object, held to what files are held to.
 *
 * @throws MeshproofError MESHPROOF_SCENARIO_INVALID with every finding
 */
export function scenarioFrom(input: ScenarioInput, services?: readonly string[]): Scenario {
  const { value, findings } = parseScenario(stringify(input), input.id, services);
  if (value !== undefined) return value;
  // Lines are those of a text that nobody wrote.
  const said = findings.map(({ path, message }) => `${input.id}: ${path === '' ? '' : `${path}: `}${message}`);
  throw new MeshproofError(
    'MESHPROOF_SCENARIO_INVALID',
    said.join('\n'),
    'See docs/scenarios.md; nothing was started.',
  );
}

function fileOf(name: string, scenarios: Map<string, string>, candidates: string[]): string {
  const file = scenarios.get(name);
  if (file !== undefined) return file;
  throw new MeshproofError(
    'MESHPROOF_SCENARIO_UNKNOWN',
    `There is no scenario or suite \`${name}\`${suggest(name, candidates)}`,
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
