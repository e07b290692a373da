import type { Clock } from '../../base/clock.ts';
import type { KubeClient, KubeObject, PodRef } from '../../kube/types.ts';
import type { AdminPort } from '../admin-port.ts';
import { readServiceFacts } from '../custom-resources.ts';
import type { ProxyView, ProxyWay } from '../proxy-view.ts';
import { appPorts } from './app-ports.ts';
import type { InboundPolicy } from './inbound-policy.ts';
import { Metrics } from './metrics.ts';
import type { PolicySource } from './policy-source.ts';
import { isConnected } from './proxy-state.ts';

/** Asks a proxy what it has done, and the control plane what it was told. */
export async function readProxyView(
  pod: PodRef,
  {
    kube,
    admin,
    source,
    identity,
    clock,
  }: {
    kube: KubeClient;
    admin: AdminPort;
    source: PolicySource;
    /** Of the certificate that it serves. */
    identity: () => Promise<string | undefined>;
    clock: Clock;
  },
): Promise<ProxyView> {
  const [text, held, object, services, list] = await Promise.all([
    admin.text(pod, '/metrics'),
    identity(),
    kube.get<KubeObject>(`/api/v1/namespaces/${pod.namespace}/pods/${pod.name}`),
    readServiceFacts(kube, pod.namespace),
    kube.list<KubeObject>(`/api/v1/namespaces/${pod.namespace}/services`),
  ]);
  const inbound = await Promise.all(appPorts(object, services).map((port) => source.inbound(pod, port)));
  const addresses = new Map(list.map(({ metadata, spec }) => [metadata.name, spec.clusterIP as string]));
  return linkerdProxyView(new Metrics(text), { addresses, identity: held, inbound, now: clock.now() });
}

/** Pure. Linkerd's proxies ask for each address when it is first called: they know a way to every Service. */
export function linkerdProxyView(
  metrics: Metrics,
  {
    addresses,
    identity,
    inbound,
    now,
  }: {
    /** ClusterIP by service. */
    addresses: ReadonlyMap<string, string>;
    identity: string | undefined;
    inbound: readonly InboundPolicy[];
    now: number;
  },
): ProxyView {
  const way = (service: string): ProxyWay => {
    const opened = (secured?: boolean): number =>
      metrics.sum(
        'tcp_open_total',
        ({ direction, peer, dst_service: to, tls }) =>
          direction === 'outbound' &&
          peer === 'dst' &&
          to === service &&
          (secured === undefined || (tls === 'true') === secured),
      );
    return {
      addresses: [addresses.get(service)!],
      connections: opened(),
      connectFailures: 0,
      handshakes: opened(true),
      badCertificates: 0,
    };
  };
  const denied = (kind: 'http' | 'tcp', where: (labels: Record<string, string>) => boolean): number =>
    metrics.sum(`inbound_${kind}_authz_deny_total`, where);
  const both = (where: (labels: Record<string, string>) => boolean): number =>
    denied('http', where) + denied('tcp', where);
  return {
    uptimeMs: Math.max(0, now - metrics.startedAt),
    connected: isConnected(metrics, inbound.length > 0),
    identity,
    ways: new Map([...addresses.keys()].map((service) => [service, way(service)])),
    ...(inbound.length > 0 && { lets: new Set(inbound.flatMap(({ lets, plaintext }) => (plaintext ? ['*'] : lets))) }),
    permissive: inbound.some(({ plaintext }) => plaintext),
    refused: {
      notTls: both(({ tls }) => tls !== 'true'),
      noCertificate: both(({ tls, client_id: client }) => tls === 'true' && client === ''),
      badCertificate: 0,
      denied: both(({ tls, client_id: client }) => tls === 'true' && client !== ''),
    },
  };
}
