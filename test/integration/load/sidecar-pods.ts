import type { KubeClient, KubeObject, PodRef } from '../../../src/kube/types.ts';
import { pollUntil, type Look } from '../../../src/base/poll.ts';
import { chaosLabel } from '../../../src/faults/injectors/targets.ts';

export const namespace = 'trial';

const manager = (name: string, port: number, address: string, route: object) => ({
  name,
  address: { socket_address: { address, port_value: port } },
  filter_chains: [
    {
      filters: [
        {
          name: 'envoy.filters.network.http_connection_manager',
          typed_config: {
            '@type':
              'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
            stat_prefix: name,
            route_config: { virtual_hosts: [{ name, domains: ['*'], routes: [{ match: { prefix: '/' }, ...route }] }] },
            http_filters: [
              {
                name: 'envoy.filters.http.router',
                typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
              },
            ],
          },
        },
      ],
    },
  ],
});

const app = {
  static_resources: {
    listeners: [
      manager('app', 8080, '127.0.0.1', { direct_response: { status: 200, body: { inline_string: 'trips' } } }),
    ],
  },
};

const sidecar = {
  static_resources: {
    listeners: [manager('inbound', 18080, '0.0.0.0', { route: { cluster: 'app', timeout: '0s' } })],
    clusters: [
      {
        name: 'app',
        connect_timeout: '1s',
        load_assignment: {
          cluster_name: 'app',
          endpoints: [
            {
              lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: 8080 } } } }],
            },
          ],
        },
      },
    ],
  },
};

/** A service of two pods, each with an app on loopback and a proxy of uid 1337 before it: what a fault sees of any mesh. */
export function sidecarPods(image: string): KubeObject[] {
  const proxy = (name: string, uid: number, config: object) => ({
    name,
    image,
    command: ['envoy', '--config-yaml', JSON.stringify(config), '--disable-hot-restart', '--concurrency', '1'],
    securityContext: { runAsUser: uid },
  });
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { [chaosLabel.name]: chaosLabel.value } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'trips', namespace },
      spec: { selector: { app: 'trips' }, ports: [{ port: 80, targetPort: 18080 }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'trips', namespace },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'trips' } },
        template: {
          metadata: { labels: { app: 'trips' } },
          spec: {
            terminationGracePeriodSeconds: 1,
            initContainers: [
              {
                // A rule of the mesh's own.
                name: 'mesh-init',
                image,
                command: [
                  'iptables',
                  '-t',
                  'nat',
                  '-A',
                  'PREROUTING',
                  '-p',
                  'tcp',
                  '--dport',
                  '9',
                  '-j',
                  'REDIRECT',
                  '--to-ports',
                  '18080',
                ],
                securityContext: { runAsUser: 0, capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
              },
            ],
            containers: [
              proxy('app', 1000, app),
              { ...proxy('sidecar', 1337, sidecar), readinessProbe: { tcpSocket: { port: 18080 }, periodSeconds: 1 } },
            ],
          },
        },
      },
    },
  ];
}

/** Waits for the two replicas. */
export async function readyPods(kube: KubeClient): Promise<PodRef[]> {
  return await pollUntil(
    async (): Promise<Look<PodRef[]>> => {
      const pods = await kube.list(`/api/v1/namespaces/${namespace}/pods`, 'app=trips');
      const ready = pods.filter((pod) =>
        pod['status']?.conditions?.some(
          (c: { type: string; status: string }) => c.type === 'Ready' && c.status === 'True',
        ),
      );
      if (ready.length < 2) return { pending: `${ready.length} of 2 ready` };
      return {
        ready: ready.map((pod) => ({
          namespace,
          name: pod.metadata.name,
          uid: pod.metadata.uid ?? '',
          ip: String(pod['status'].podIP),
          node: String(pod['spec'].nodeName),
        })),
      };
    },
    { what: 'trips', timeoutMs: 60_000 },
  );
}
