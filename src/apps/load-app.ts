import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MeshproofError } from '../base/errors.ts';
import { parseYaml, suggest, throwFindings, type Finding, type Parsed } from '../base/yaml-file.ts';
import type { App } from './app.ts';
import { appFromFile } from './app-from-file.ts';
import { checkFiles, checkServices } from './check-app.ts';
import { prepareManifests } from './manifests.ts';
import { readManifests } from './read-manifests.ts';
import { appSchema, type AppFile } from './schema.ts';

/** Where the apps that come with meshproof live. */
export const appsDir = fileURLToPath(new URL('../../apps', import.meta.url));

/** App files that come with meshproof, by id. */
export async function appCatalogue(dir = appsDir): Promise<Map<string, string>> {
  const names = await readdir(dir).catch(() => []);
  const files = names.map((name) => [name, join(dir, name, 'app.yaml')] as const);
  return new Map(files.filter(([, file]) => existsSync(file)));
}

/** A YAML file that says what runs, not what is tried: only app files have services. */
export function isAppFile(text: string): boolean {
  return /^services\s*:/m.test(text) && !/^(experiment|scenarios)\s*:/m.test(text);
}

/** The file by itself, with what it refers to inside itself and by path; see `checkApp` for what its manifests hold. */
export function parseApp(text: string, file: string): Parsed<AppFile> {
  return parseYaml(appSchema, text, file, (app, report) => {
    checkServices(app, report);
    checkFiles(app, dirname(file), report);
  });
}

/** Everything that can be wrong with an app file and its manifests without a cluster. */
export async function checkApp(text: string, file: string): Promise<Finding[]> {
  const { value, findings } = parseApp(text, file);
  if (value === undefined) return findings;
  return (await build(value, file)).findings;
}

/**
 * An app by the id of one that comes with meshproof, or by the path of its file.
 *
 * @throws MeshproofError MESHPROOF_APP_UNKNOWN with a did-you-mean, MESHPROOF_APP_INVALID with every finding
 */
export async function loadApp(name: string, dir = appsDir): Promise<App> {
  const file = /\.ya?ml$/.test(name) ? name : await fileOf(name, dir);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new MeshproofError('MESHPROOF_APP_UNKNOWN', `${file} cannot be read`, 'Check the path.', { cause: error });
  });
  const parsed = parseApp(text, file);
  throwFindings('MESHPROOF_APP_INVALID', parsed.findings);
  const { app, findings } = await build(parsed.value as AppFile, file);
  throwFindings('MESHPROOF_APP_INVALID', findings);
  return app as App;
}

async function build(value: AppFile, file: string): Promise<{ app?: App; findings: Finding[] }> {
  const folder = dirname(resolve(file));
  const { deploy } = value;
  if (deploy === undefined) return { app: appFromFile(value, { file, folder }), findings: [] };
  const { objects, findings } = await readManifests(deploy.manifests.map((path) => join(dirname(file), path)));
  if (findings.length > 0) return { findings };
  const from = value.namespace ?? value.id;
  try {
    const app = appFromFile(value, { file, folder, objects });
    const { secrets } = deploy;
    return {
      app: { ...app, manifests: async (options) => prepareManifests(objects, { from, secrets }, options) },
      findings: unusedImages(value, file, objects),
    };
  } catch (error) {
    if (!(error instanceof MeshproofError)) throw error;
    return { findings: [{ file, line: 1, column: 1, path: '', message: error.message.replace(`${file}: `, '') }] };
  }
}

/** An image that no manifest names was misspelt, here or there. */
function unusedImages({ deploy }: AppFile, file: string, objects: readonly object[]): Finding[] {
  const images = deploy?.images ?? [];
  if (Array.isArray(images)) return [];
  const used = [...JSON.stringify(objects).matchAll(/"image":"([^"]+)"/g)].map(([, name]) => name ?? '');
  return Object.keys(images)
    .filter((name) => !used.includes(name))
    .map((name) => ({
      file,
      line: 1,
      column: 1,
      path: `deploy.images.${name}`,
      message: `no manifest names this image${suggest(name, used)}`,
    }));
}

async function fileOf(name: string, dir: string): Promise<string> {
  const known = await appCatalogue(dir);
  const file = known.get(name);
  if (file !== undefined) return file;
  const names = [...known.keys()].sort();
  throw new MeshproofError(
    'MESHPROOF_APP_UNKNOWN',
    `There is no app \`${name}\`${suggest(name, names)}`,
    `Known: ${names.join(', ')}; or give the path of an app file.`,
  );
}
