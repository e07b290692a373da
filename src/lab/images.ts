import type { Toolbox } from '../tools/tool.ts';
import { imageKit } from '../images/image-kit.ts';
import type { ImageSpec, LayerSpec, ReadyImage } from '../images/image.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import { envoyLayers } from '../meshes/envoy/image.ts';
import { meshes } from '../meshes/index.ts';
import { ownImage, type OwnMesh } from './own-mesh.ts';

/** Of load, of faults, one that asks, and one that only waits. An app's are apps/'s, a mesh's its entry's, what a node needs itself clusters/'s. */
const ownImageNames = ['pause', 'k6', 'fault-point', 'probe'] as const;

const anyMesh = {
  images: Object.assign({}, ...Object.values(meshes).map(({ images }) => images)) as MeshEntry['images'],
};

/** Ends on SIGTERM, unlike a bare sleep as process 1, and reaps. */
const pauseLoop = 'trap "exit 0" TERM INT; while :; do sleep 86400 & wait $!; done';

/**
 * Specs of meshproof's own images, all of them unless names are given (of whatever mesh, unless one is given); only the tools they need are asked for.
 *
 * - `pause`: waits, ends on SIGTERM; `k6`
 * - `fault-point`: Envoy and what looks into a pod's network; also for debugging
 * - those of the mesh
 * - `probe`: Node and a shell, for questions asked from inside
 */
export async function labImages(
  toolbox: Toolbox,
  options: {
    names?: readonly string[];
    mesh?: Pick<MeshEntry, 'images'>;
    /** What the user built of it. */
    own?: OwnMesh;
    signal?: AbortSignal;
  } = {},
): Promise<(ImageSpec | ReadyImage)[]> {
  const { names, mesh = anyMesh, own = {}, signal } = options;
  const wanted = new Set<string>(names ?? [...ownImageNames, ...Object.keys(mesh.images)]);
  const kit = imageKit(toolbox, { ownPrograms: own.binaries, release: own.release, signal });
  const base = await kit.base();
  const libc = await kit.libc();

  const images: (ImageSpec | ReadyImage)[] = [];
  const add = (name: string, layers: LayerSpec[], config: ImageSpec['config']): void => {
    if (wanted.has(name)) images.push({ name, layers: [base, ...layers], config });
  };
  if (wanted.has('pause')) add('pause', [], { entrypoint: ['/bin/sh', '-c', pauseLoop], user: '65535' });
  if (wanted.has('k6'))
    add('k6', [libc, await kit.program('k6')], { entrypoint: ['/usr/bin/k6'], user: '12345', workdir: '/tmp' });
  if (wanted.has('fault-point')) {
    images.push({
      name: 'fault-point',
      layers: await envoyLayers(kit),
      config: { entrypoint: ['/usr/bin/envoy'], user: '1337' },
    });
  }
  for (const [name, make] of Object.entries(mesh.images)) {
    if (!wanted.has(name)) continue;
    images.push((await ownImage(name, own, { toolbox, signal })) ?? { name, ...(await make(kit)) });
  }
  if (wanted.has('probe')) {
    add('probe', [libc, await kit.node()], {
      entrypoint: ['/bin/sh', '-c', pauseLoop],
      user: '1000',
      workdir: '/tmp',
    });
  }
  return images;
}
