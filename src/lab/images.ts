import type { Toolbox } from '../tools/tool.ts';
import { nodeLayer } from '../images/base-layer.ts';
import { imageKit } from '../images/image-kit.ts';
import type { ImageSpec, LayerSpec } from '../images/image.ts';
import { postgresLayers } from '../images/postgres.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import { meshes } from '../meshes/index.ts';
import { tripInsightsLayers, tripInsightsServices } from '../apps/tripinsights/images.ts';

/** Images of load, TripInsights, and one that only waits. What a node needs itself is clusters/'s, what a mesh needs its entry's. */
const ownImageNames = [
  'pause',
  'k6',
  'probe',
  'postgres',
  ...tripInsightsServices.map((service) => `tripinsights-${service}` as const),
] as const;

const anyMesh = {
  images: Object.assign({}, ...Object.values(meshes).map(({ images }) => images)) as MeshEntry['images'],
};

/** Ends on SIGTERM, unlike a bare sleep as process 1, and reaps. */
const pauseLoop = 'trap "exit 0" TERM INT; while :; do sleep 86400 & wait $!; done';

/**
 * Specs of meshproof's own images, all of them unless names are given (of whatever mesh, unless one is given); only the tools they need are asked for.
 *
 * - `pause`: waits, ends on SIGTERM; `k6`
 * - those of the mesh
 * - `probe`: Node and a shell, for questions asked from inside
 * - `postgres`: with the schema and seed of TripInsights, see postgres.ts
 * - `tripinsights-<service>`
 */
export async function labImages(
  toolbox: Toolbox,
  names?: readonly string[],
  mesh: Pick<MeshEntry, 'images'> = anyMesh,
): Promise<ImageSpec[]> {
  const wanted = new Set<string>(names ?? [...ownImageNames, ...Object.keys(mesh.images)]);
  const kit = imageKit(toolbox);
  const base = await kit.base();
  const libc = await kit.libc();

  const images: ImageSpec[] = [];
  const add = (name: string, layers: LayerSpec[], config: ImageSpec['config']): void => {
    if (wanted.has(name)) images.push({ name, layers: [base, ...layers], config });
  };
  if (wanted.has('pause')) add('pause', [], { entrypoint: ['/bin/sh', '-c', pauseLoop], user: '65535' });
  if (wanted.has('k6'))
    add('k6', [libc, await kit.program('k6')], { entrypoint: ['/usr/bin/k6'], user: '12345', workdir: '/tmp' });
  for (const [name, make] of Object.entries(mesh.images)) {
    if (wanted.has(name)) images.push({ name, ...(await make(kit)) });
  }
  if (wanted.has('postgres')) {
    const layers = await postgresLayers(await toolbox.get('postgres'), { libc, cacheDir: kit.cacheDir });
    add('postgres', [libc, ...layers], {
      entrypoint: ['/usr/local/bin/postgres-entrypoint'],
      user: '999',
      stopSignal: 'SIGINT', // SIGTERM waits until every client has left
    });
  }
  if (wanted.has('probe')) {
    add('probe', [libc, await nodeLayer(libc, kit.cacheDir)], {
      entrypoint: ['/bin/sh', '-c', pauseLoop],
      user: '1000',
      workdir: '/tmp',
    });
  }
  const services = tripInsightsServices.filter((service) => wanted.has(`tripinsights-${service}`));
  if (services.length > 0) {
    const node = await nodeLayer(libc, kit.cacheDir);
    const apps = await tripInsightsLayers(services);
    for (const service of services) {
      add(`tripinsights-${service}`, [libc, node, apps[service]!], {
        entrypoint: ['/usr/bin/node', '--max-old-space-size=64', '--max-semi-space-size=2', '/app/server.mjs'],
        user: '1000',
        workdir: '/app',
        env: { NODE_ENV: 'production', PORT: '8080' },
      });
    }
  }
  return images;
}
