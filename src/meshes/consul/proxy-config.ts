import { readConfigDump, type FilterChain, type Route } from '../envoy/config-dump.ts';
import { serviceOfCluster } from './names.ts';

/** What a sidecar is told to do, as far as policies go. */
export interface ProxyConfig {
  /** Services this proxy can call, by what it does with their requests. */
  upstreams: Map<string, UpstreamConfig>;
  /** Services that may call this one, `*` for everybody; undefined for a proxy without a public listener. */
  callers?: ReadonlySet<string> | undefined;
  /** Plaintext is taken too. */
  permissive: boolean;
  /** Names of resources whose last update this proxy refused, with its reason. */
  rejected: string[];
}

export interface UpstreamConfig {
  /** By which it is found: the ClusterIP, where it was registered with it, and an address of Consul's own. */
  addresses: string[];
  /** In the order in which they are tried; undefined for TCP. */
  routes?: Route[] | undefined;
  /** 0 when outlier detection cannot eject; undefined where the proxy has no cluster for it yet. */
  ejectsAfter5xx?: number | undefined;
}

/** The sidecar of a service, and what Consul knows of the others. */
export interface ConsulProxy {
  service: string;
  config: ProxyConfig;
  /** Services that can be called by their ClusterIP. */
  callable: ReadonlySet<string>;
}

/** Reads the `/config_dump` of a sidecar: Consul names its listeners `public_listener:…` and `outbound_listener:…`. */
export function readProxyConfig(dump: unknown): ProxyConfig {
  const { listeners, clusters, rejected } = readConfigDump(dump);
  const find = (prefix: string): FilterChain[] | undefined =>
    listeners.find(({ name }) => name.startsWith(prefix))?.chains;
  const inbound = find('public_listener');
  const upstreams = new Map<string, UpstreamConfig>();
  for (const { addresses, cluster, routes } of find('outbound_listener') ?? []) {
    const service = serviceOfCluster(cluster ?? routes?.[0]?.cluster ?? '');
    if (service !== undefined) upstreams.set(service, { addresses, routes });
  }
  for (const { name, ejectsAfter5xx } of clusters) {
    const upstream = upstreams.get(serviceOfCluster(name) ?? '');
    if (upstream) upstream.ejectsAfter5xx = ejectsAfter5xx;
  }
  return {
    upstreams,
    callers: inbound && callersOf(inbound),
    permissive: (inbound ?? []).some(({ tls }) => !tls),
    rejected,
  };
}

/** Intentions are an RBAC filter: a policy of principals, each a pattern of SPIFFE ids that ends in the service. */
function callersOf(chains: readonly FilterChain[]): Set<string> {
  const callers = new Set<string>();
  for (const { tls, rbac } of chains) {
    if (!tls) continue;
    const text = JSON.stringify(rbac?.rules?.policies ?? {});
    for (const [, service] of text.matchAll(/\/svc\/([^"$]+)\$"/g)) callers.add(service === '[^/]+' ? '*' : service!);
  }
  return callers;
}
