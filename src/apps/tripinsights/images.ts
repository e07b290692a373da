import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { MeshproofError, messageOf } from '../../base/errors.ts';
import type { LayerSpec } from '../../images/image.ts';

export const tripInsightsServices = ['poi', 'trips', 'userprofile', 'user-java', 'tripviewer'] as const;
export type TripInsightsService = (typeof tripInsightsServices)[number];

const fixtures = fileURLToPath(new URL('../../../fixtures/tripinsights/', import.meta.url));

/**
 * Each service and what it imports as one file. White space is dropped because esbuild's comments name the files
 * relative to the working directory: the bytes then depend on the sources only.
 */
export async function bundleTripInsights(
  services: readonly TripInsightsService[] = tripInsightsServices,
): Promise<Record<TripInsightsService, Uint8Array>> {
  const result = await build({
    absWorkingDir: fixtures,
    entryPoints: Object.fromEntries(services.map((service) => [service, `./${service}/main.ts`])),
    outdir: '/out',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    external: ['pg-native'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    // CommonJS dependencies (pg, prom-client) call require() for Node's own modules.
    banner: { js: "import{createRequire as nodeRequire}from'node:module';const require=nodeRequire(import.meta.url);" },
    logLevel: 'silent',
  }).catch((error: unknown) => {
    throw new MeshproofError(
      'MESHPROOF_IMAGE',
      `TripInsights could not be bundled: ${messageOf(error)}`,
      'Run `npx tsc --noEmit -p .`.',
    );
  });
  return Object.fromEntries(
    result.outputFiles.map((file) => [file.path.replace(/^.*\//, '').replace(/\.mjs$/, ''), file.contents]),
  ) as Record<TripInsightsService, Uint8Array>;
}

/** One layer per service: /app/server.mjs. */
export async function tripInsightsLayers(
  services: readonly TripInsightsService[],
): Promise<Partial<Record<TripInsightsService, LayerSpec>>> {
  const bundles = await bundleTripInsights(services);
  return Object.fromEntries(
    services.map((service) => [
      service,
      { name: `tripinsights-${service}`, files: [{ path: '/app/server.mjs', source: { content: bundles[service] } }] },
    ]),
  );
}
