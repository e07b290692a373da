import pLimit from 'p-limit';
import { MeshproofError, messageOf } from '../../base/errors.ts';
import { pollUntil } from '../../base/poll.ts';
import { labelSelector } from '../../kube/selector.ts';
import type { KubeClient, KubeObject, PodRef } from '../../kube/types.ts';
import type { KeyLogs } from '../adapter.ts';
import type { EnvoyAdmin } from '../envoy/admin.ts';
import { meshedPods } from './meshed-pod.ts';
import { labels, sidecarContainer } from './names.ts';
import { readProxyConfig } from './proxy-config.ts';

/** In the sidecar's own memory volume: the rest of its file system is read-only. */
const path = '/etc/istio/proxy/meshproof-key.log';
/** What its clients' data is encrypted with never leaves the pod. */
const lines = '^(CLIENT|SERVER)_HANDSHAKE_TRAFFIC_SECRET |^SERVER_TRAFFIC_SECRET_0 ';
const atOnce = 6;

const envoyFilters = (namespace: string): string =>
  `/apis/networking.istio.io/v1alpha3/namespaces/${namespace}/envoyfilters`;
const ours = { [labels.managedBy]: 'meshproof', 'meshproof.dev/key-log': 'true' };

/**
 * For connections that the sidecars of a service take. Istio has no word for it: it is patched into Envoy's listeners, in the
 * chains that end mutual TLS. A strict sidecar has no other for TLS; a permissive one also passes TLS of its app's own on, and
 * would be left without a listener if that chain were given half of a TLS context: its mutual ones are told by Istio's ALPNs.
 */
export function keyLogFilter(
  service: string,
  { namespace, permissive }: { namespace: string; permissive: boolean },
): KubeObject {
  const chains = permissive
    ? ['istio', 'istio-http/1.1'].map((applicationProtocols) => ({ applicationProtocols }))
    : [{}];
  return {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name: `meshproof-key-log-${service}`, namespace, labels: ours },
    spec: {
      workloadSelector: { labels: { [labels.service]: service } },
      configPatches: chains.map((chain) => ({
        applyTo: 'FILTER_CHAIN',
        match: { context: 'SIDECAR_INBOUND', listener: { filterChain: { transportProtocol: 'tls', ...chain } } },
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
      })),
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
  const listenersOf = (pod: PodRef): Promise<string> => admin.text(pod, '/config_dump?resource=dynamic_listeners');
  /** One for each service, by what its sidecars were told. */
  const filters = async (): Promise<KubeObject[]> => {
    const permissive = new Map<string, boolean>();
    const limit = pLimit(atOnce);
    const pods = await meshedPods.running(kube, namespace);
    await Promise.all(
      pods.map(({ ref, service }) =>
        limit(async () => {
          const config = readProxyConfig(await admin.json(ref, '/config_dump'), namespace);
          permissive.set(service, config.permissive || permissive.get(service) === true);
        }),
      ),
    );
    return [...permissive].map(([service, each]) => keyLogFilter(service, { namespace, permissive: each }));
  };
  /** Key logs are read and deleted in the sidecar's own container: a distroless image has nothing to do it with. */
  const refuseWithoutShell = async (): Promise<void> => {
    const [pod] = await meshedPods.running(kube, namespace);
    if (pod === undefined) return;
    const { exitCode, stderr } = await kube
      .exec(pod.ref, ['/bin/sh', '-c', 'command -v grep'], { container: sidecarContainer, signal })
      .catch((error: unknown) => ({ exitCode: 1, stderr: messageOf(error) }));
    if (exitCode === 0) return;
    signal.throwIfAborted();
    throw new MeshproofError(
      'MESHPROOF_MESH_NOT_READY',
      `The sidecar of ${pod.ref.name} cannot give its key log: its image has no shell (${stderr.trim() || 'no grep'})`,
      'Take an image of Istio’s proxy with a shell (not the distroless variant): mutual TLS is proven from packets that a key log opens.',
    );
  };
  const everywhere = async (written: boolean, until?: AbortSignal): Promise<void> => {
    await pollUntil(
      async () => {
        const pods = await meshedPods.running(kube, namespace);
        const limit = pLimit(atOnce);
        const late = await Promise.all(
          pods.map(({ ref: pod }) =>
            limit(async () => {
              return (await listenersOf(pod)).includes(path) === written ? undefined : pod.name;
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
      await refuseWithoutShell();
      await kube.apply(await filters());
      await everywhere(true, signal);
    },

    async read(pod) {
      const command = `grep -E '${lines}' ${path} || true`;
      const { stdout } = await kube.exec(pod, ['/bin/sh', '-c', command], { container: sidecarContainer, signal });
      return stdout;
    },

    async stop() {
      const left = await kube.list<KubeObject>(envoyFilters(namespace), labelSelector(ours));
      await Promise.all(left.map(({ metadata }) => kube.delete(`${envoyFilters(namespace)}/${metadata.name}`)));
      await everywhere(false);
      const limit = pLimit(atOnce);
      const pods = await meshedPods.running(kube, namespace);
      await Promise.all(
        pods.map(({ ref: pod }) => limit(() => kube.exec(pod, ['rm', '-f', path], { container: sidecarContainer }))),
      );
    },
  };
}
