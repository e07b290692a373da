import type { ImageSpec, LayerSpec } from '../../images/image.ts';
import type { ImageKit } from '../../images/image-kit.ts';

const network = async (kit: ImageKit): Promise<LayerSpec[]> => [
  await kit.base(),
  await kit.libc(),
  await kit.iptables(),
  await kit.programs('iproute2', ['ip', 'ss', 'tc']),
  await kit.program('consul'),
];

export const consulImages = {
  /** Server, and init containers (consul, iptables, ip). */
  consul: async (kit: ImageKit): Promise<Omit<ImageSpec, 'name'>> => ({
    layers: await network(kit),
    config: { entrypoint: ['/usr/bin/consul'] },
  }),
  /**
   * Sidecar, fault point and debugging (envoy, iptables, ip, ss, tc, tcpdump; consul, for the sidecar to deregister when its
   * pod stops); runs as 1337 unless told.
   */
  envoy: async (kit: ImageKit): Promise<Omit<ImageSpec, 'name'>> => ({
    layers: [...(await network(kit)), await kit.programs('tcpdump', ['tcpdump']), await kit.program('envoy')],
    config: { entrypoint: ['/usr/bin/envoy'], user: '1337' },
  }),
};
