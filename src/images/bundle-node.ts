import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { MeshproofError, messageOf } from '../base/errors.ts';
import { fingerprint } from './fingerprint.ts';
import { writeAtomically } from './layer.ts';

export interface BundleOptions {
  /** Where answers are kept: starting esbuild for six programs takes half a second of CPU. */
  cacheDir?: string;
}

interface Answer {
  text: string;
  /** Path -> what `stat` said of it. */
  inputs: Record<string, string>;
}

/**
 * A Node program and what it imports as one file, by the tsconfig.json beside or above it. White space is dropped because
 * esbuild's comments name the files relative to the working directory: the bytes then depend on the sources only.
 * A cached answer counts only while its sources are the very files it was made of.
 *
 * @throws MeshproofError MESHPROOF_IMAGE with esbuild's own words
 */
export async function bundleNode(main: string, { cacheDir }: BundleOptions = {}): Promise<Uint8Array> {
  const name = createHash('sha256').update(main).digest('hex').slice(0, 32);
  const cachePath = cacheDir && join(cacheDir, 'images', 'bundles', `${name}.json`);
  const known = cachePath && (await readAnswer(cachePath));
  if (known) return Buffer.from(known.text);
  const { text, sources } = await bundle(main);
  if (cachePath) {
    await writeAtomically(cachePath, JSON.stringify({ text, inputs: await inputsOf(main, sources) } satisfies Answer));
  }
  return Buffer.from(text);
}

async function bundle(main: string): Promise<{ text: string; sources: string[] }> {
  // Not loaded when the answer is known.
  const { build } = await import('esbuild');
  const absWorkingDir = dirname(main);
  const result = await build({
    absWorkingDir,
    entryPoints: [main],
    outfile: '/app/server.mjs',
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    external: ['pg-native'],
    // CommonJS dependencies (pg, prom-client) call require() for Node's own modules.
    banner: { js: "import{createRequire as nodeRequire}from'node:module';const require=nodeRequire(import.meta.url);" },
    logLevel: 'silent',
  }).catch((error: unknown) => {
    throw new MeshproofError(
      'MESHPROOF_IMAGE',
      `${main} could not be bundled: ${messageOf(error)}`,
      'Check its types.',
    );
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new TypeError('esbuild gave no file');
  return { text: file.text, sources: Object.keys(result.metafile.inputs).map((path) => resolve(absWorkingDir, path)) };
}

/** Besides the sources: how they are read, and by whom. A tsconfig.json that is not there now may be there tomorrow. */
async function inputsOf(main: string, sources: readonly string[]): Promise<Record<string, string>> {
  const paths = [...sources, import.meta.filename, createRequire(import.meta.url).resolve('esbuild/package.json')];
  for (let folder = dirname(main); ; folder = dirname(folder)) {
    paths.push(join(folder, 'tsconfig.json'));
    if (folder === dirname(folder)) break;
  }
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await stateOf(path)])));
}

function stateOf(path: string): Promise<string> {
  return fingerprint(path).catch(() => 'absent');
}

async function readAnswer(path: string): Promise<Answer | undefined> {
  try {
    const answer = JSON.parse(await readFile(path, 'utf8')) as Answer;
    const same = await Promise.all(
      Object.entries(answer.inputs).map(async ([file, state]) => (await stateOf(file)) === state),
    );
    return same.every(Boolean) ? answer : undefined;
  } catch {
    return undefined;
  }
}
