import { fileURLToPath } from 'node:url';
import { bundleNode } from '../../images/bundle-node.ts';
import type { ImageSpec, LayerSpec } from '../../images/image.ts';
import type { ImageKit } from '../../images/image-kit.ts';
import { envoyLayers } from '../envoy/image.ts';
import { podProgram } from './names.ts';

const podMain = fileURLToPath(new URL('./pod/main.ts', import.meta.url));

const podProgramLayer = async ({ cacheDir }: ImageKit): Promise<LayerSpec> => ({
  name: 'mesh-pod',
  files: [{ path: podProgram, source: { content: await bundleNode(podMain, { cacheDir }) } }],
});

export const consulImages = {
  /** The server. */
  consul: async (kit: ImageKit): Promise<Omit<ImageSpec, 'name'>> => ({
    layers: [await kit.base(), await kit.libc(), await kit.program('consul')],
    config: { entrypoint: ['/usr/bin/consul'] },
  }),
  /** Sidecar and its init container; Node, for what a pod says to Consul when it starts and stops. Runs as 1337 unless told. */
  'consul-proxy': async (kit: ImageKit): Promise<Omit<ImageSpec, 'name'>> => ({
    layers: [...(await envoyLayers(kit)), await kit.node(), await podProgramLayer(kit)],
    config: { entrypoint: ['/usr/bin/envoy'], user: '1337' },
  }),
};
