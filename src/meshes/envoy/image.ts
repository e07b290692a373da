import type { LayerSpec } from '../../images/image.ts';
import type { ImageKit } from '../../images/image-kit.ts';

/**
 * Envoy with what looks into a pod's network (iptables, ip, ss, tc, tcpdump). Every image with an Envoy begins with these
 * layers: a node unpacks them once.
 */
export async function envoyLayers(kit: ImageKit): Promise<LayerSpec[]> {
  return [
    await kit.base(),
    await kit.libc(),
    await kit.iptables(),
    await kit.programs('iproute2', ['ip', 'ss', 'tc']),
    await kit.programs('tcpdump', ['tcpdump']),
    await kit.program('envoy'),
  ];
}
