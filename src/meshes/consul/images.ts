import { fileURLToPath } from 'node:url';
import { bundleNode } from '../../images/bundle-node.ts';
import type { ImageSpec, LayerSpec } from '../../images/image.ts';
import type { ImageKit } from '../../images/image-kit.ts';
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
  /**
   * Sidecar and its init container, fault point and debugging (envoy, iptables, ip, ss, tc, tcpdump; Node, for what a pod says
   * to Consul when it starts and stops); runs as 1337 unless told.
   */
  envoy: async (kit: ImageKit): Promise<Omit<ImageSpec, 'name'>> => ({
    layers: [
      await kit.base(),
      await kit.libc(),
      await kit.node(),
      await kit.iptables(),
      await kit.programs('iproute2', ['ip', 'ss', 'tc']),
      await kit.programs('tcpdump', ['tcpdump']),
      await kit.program('envoy'),
      await podProgramLayer(kit),
    ],
    config: { entrypoint: ['/usr/bin/envoy'], user: '1337' },
  }),
};
