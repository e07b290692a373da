import type { Toolbox, ToolName } from '../tools/tool.ts';
import { baseLayer, libcLayer, nodeLayer } from '../images/base-layer.ts';
import type { ImageSpec, LayerSpec } from '../images/image.ts';
import { certificateBundle, iptablesLayer, programsLayer, singleProgramLayer } from '../images/tool-layers.ts';

/** Images of the mesh and of load, one that asks, and one that only waits. An app's are apps/'s, what a node needs itself is clusters/'s. */
const labImageNames = ['pause', 'consul', 'envoy', 'k6', 'probe'] as const;
export type LabImageName = (typeof labImageNames)[number];

/** Ends on SIGTERM, unlike a bare sleep as process 1, and reaps. */
const pauseLoop = 'trap "exit 0" TERM INT; while :; do sleep 86400 & wait $!; done';

/**
 * Specs of meshproof's own images, all of them unless names are given; only the tools they need are asked for.
 *
 * - `pause`: waits, ends on SIGTERM; `k6`
 * - `consul`: server, and init containers (consul, iptables, ip)
 * - `envoy`: sidecar, fault point and debugging (envoy, iptables, ip, ss, tc, tcpdump; consul, for the sidecar to
 *   deregister when its pod stops); runs as 1337 unless told
 * - `probe`: Node and a shell, for questions asked from inside
 */
export async function labImages(
  toolbox: Toolbox,
  names: readonly LabImageName[] = labImageNames,
): Promise<ImageSpec[]> {
  const wanted = new Set<LabImageName>(names);
  const { cacheDir } = toolbox;
  const base = await baseLayer(
    await toolbox.get('busybox'),
    await certificateBundle(await toolbox.get('ca-certificates')),
  );
  const libc = await libcLayer(cacheDir);
  const context = { libc, cacheDir };
  const single = once(async (name: ToolName) => singleProgramLayer(await toolbox.get(name), context));
  const iptables = async (): Promise<LayerSpec> => iptablesLayer(await toolbox.get('iptables'), context);
  const iproute2 = async (): Promise<LayerSpec> =>
    programsLayer(await toolbox.get('iproute2'), ['ip', 'ss', 'tc'], context);
  const tcpdump = async (): Promise<LayerSpec> => programsLayer(await toolbox.get('tcpdump'), ['tcpdump'], context);

  const images: ImageSpec[] = [];
  const add = (name: LabImageName, layers: LayerSpec[], config: ImageSpec['config']): void => {
    if (wanted.has(name)) images.push({ name, layers: [base, ...layers], config });
  };
  if (wanted.has('pause')) add('pause', [], { entrypoint: ['/bin/sh', '-c', pauseLoop], user: '65535' });
  if (wanted.has('k6'))
    add('k6', [libc, await single('k6')], { entrypoint: ['/usr/bin/k6'], user: '12345', workdir: '/tmp' });
  if (wanted.has('consul') || wanted.has('envoy')) {
    const network = [libc, await iptables(), await iproute2()];
    if (wanted.has('consul')) add('consul', [...network, await single('consul')], { entrypoint: ['/usr/bin/consul'] });
    if (wanted.has('envoy')) {
      add('envoy', [...network, await single('consul'), await tcpdump(), await single('envoy')], {
        entrypoint: ['/usr/bin/envoy'],
        user: '1337',
      });
    }
  }
  if (wanted.has('probe')) {
    add('probe', [libc, await nodeLayer(libc, cacheDir)], {
      entrypoint: ['/bin/sh', '-c', pauseLoop],
      user: '1000',
      workdir: '/tmp',
    });
  }
  return images;
}

function once<K, V>(make: (key: K) => Promise<V>): (key: K) => Promise<V> {
  const made = new Map<K, Promise<V>>();
  return (key) => {
    const known = made.get(key) ?? make(key);
    made.set(key, known);
    return known;
  };
}
