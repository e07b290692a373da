import pLimit from 'p-limit';
import { pollUntil } from '../../base/poll.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import type { KeyLogs } from '../adapter.ts';
import type { EnvoyAdmin } from '../envoy/admin.ts';
import { meshedPods } from './meshed-pod.ts';
import { labels, sidecarContainer } from './names.ts';

/** In the sidecar's own memory volume: the rest of its file system is read-only. */
const path = '/etc/istio/proxy/meshproof-key.log';
/** What its clients' data is encrypted with never leaves the pod. */
const lines = '^(CLIENT|SERVER)_HANDSHAKE_TRAFFIC_SECRET |^SERVER_TRAFFIC_SECRET_0 ';
const atOnce = 6;

/** Every sidecar of a namespace, for connections that it takes. Istio has no word for it: it is patched into Envoy's listeners. */
function filter(namespace: string): KubeObject {
  return {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name: 'meshproof-key-log', namespace, labels: { [labels.managedBy]: 'meshproof' } },
    spec: {
      configPatches: [
        {
          applyTo: 'FILTER_CHAIN',
          // A chain that takes plaintext must not be given TLS.
          match: { context: 'SIDECAR_INBOUND', listener: { filterChain: { transportProtocol: 'tls' } } },
          patch: {
            operation: 'MERGE',
            value: {
              transport_socket: {
                name: 'envoy.transport_sockets.tls',
                typed_config: {
                  '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
                  common_tls_context: { key_log: { path } },
                },
              },
            },
          },
        },
      ],
    },
  };
}

export function keyLogs(options: {
  kube: KubeClient;
  admin: EnvoyAdmin;
  namespace: string;
  signal: AbortSignal;
}): KeyLogs {
  const { kube, admin, namespace, signal } = options;
  const object = filter(namespace);
  const everywhere = async (written: boolean, until?: AbortSignal): Promise<void> => {
    await pollUntil(
      async () => {
        const pods = await meshedPods.running(kube, namespace);
        const limit = pLimit(atOnce);
        const late = await Promise.all(
          pods.map(({ ref: pod }) =>
            limit(async () => {
              const listeners = await admin.text(pod, '/config_dump?resource=dynamic_listeners');
              return listeners.includes(path) === written ? undefined : pod.name;
            }),
          ),
        );
        const name = late.find((one) => one !== undefined);
        return name === undefined
          ? { ready: true }
          : { pending: `${name}: its listener ${written ? 'writes no key log yet' : 'still writes a key log'}` };
      },
      {
        what: 'key logs of the proxies',
        timeoutMs: 30_000,
        intervalMs: 200,
        signal: until,
        code: 'MESHPROOF_MESH_NOT_READY',
      },
    );
  };
  return {
    async start() {
      await kube.apply([object]);
      await everywhere(true, signal);
    },

    async read(pod) {
      const command = `grep -E '${lines}' ${path} || true`;
      const { stdout } = await kube.exec(pod, ['/bin/sh', '-c', command], { container: sidecarContainer, signal });
      return stdout;
    },

    async stop() {
      await kube.delete(
        `/apis/networking.istio.io/v1alpha3/namespaces/${namespace}/envoyfilters/${object.metadata.name}`,
      );
      await everywhere(false);
      const limit = pLimit(atOnce);
      const pods = await meshedPods.running(kube, namespace);
      await Promise.all(
        pods.map(({ ref: pod }) => limit(() => kube.exec(pod, ['rm', '-f', path], { container: sidecarContainer }))),
      );
    },
  };
}
