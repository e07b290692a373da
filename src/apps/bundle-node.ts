import { dirname } from 'node:path';
import { build } from 'esbuild';
import { MeshproofError, messageOf } from '../base/errors.ts';

/**
 * A Node program and what it imports as one file, by the tsconfig.json beside or above it. White space is dropped because
 * esbuild's comments name the files relative to the working directory: the bytes then depend on the sources only.
 *
 * @throws MeshproofError MESHPROOF_IMAGE with esbuild's own words
 */
export async function bundleNode(main: string): Promise<Uint8Array> {
  const result = await build({
    absWorkingDir: dirname(main),
    entryPoints: [main],
    outfile: '/app/server.mjs',
    bundle: true,
    write: false,
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
  return file.contents;
}
