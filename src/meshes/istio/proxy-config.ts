import { readConfigDump, routeFor, type FilterChain, type Route, type VirtualHost } from '../envoy/config-dump.ts';
import { hostOf, serviceOfCluster, trustDomain } from './names.ts';

/** What a sidecar is told to do, as far as policies go. */
export interface ProxyConfig {
  /** Services of its namespace, by what it does with their requests. */
  upstreams: Map<string, UpstreamConfig>;
  /** Service accounts that may call this one, `*` for everybody in the mesh; undefined for a proxy without a port for others. */
  callers?: ReadonlySet<string> | undefined;
  /** Plaintext is taken too. */
  permissive: boolean;
  /** Names of resources whose last update this proxy refused, with its reason. */
  rejected: string[];
}

export interface UpstreamConfig {
  /** The ClusterIP. */
  addresses: string[];
  /** For each of its HTTP ports the routes in the order in which they are tried; empty for TCP. */
  ports: Route[][];
  /** 0 when outlier detection cannot eject. */
  ejectsAfter5xx: number;
}

const inboundListener = 'virtualInbound';

/** Reads the `/config_dump` of a sidecar. @param namespace its own */
export function readProxyConfig(dump: unknown, namespace: string, domain = trustDomain): ProxyConfig {
  const { listeners, clusters, virtualHosts, rejected } = readConfigDump(dump);
  const upstreams = new Map<string, UpstreamConfig>();
  for (const { name, ejectsAfter5xx } of clusters) {
    const service = serviceOfCluster(name, namespace);
    if (service === undefined) continue;
    const known = upstreams.get(service);
    if (known) known.ejectsAfter5xx = Math.max(known.ejectsAfter5xx, ejectsAfter5xx);
    else upstreams.set(service, { ...waysTo(service, namespace, virtualHosts), ejectsAfter5xx });
  }
  for (const { name, chains } of listeners) {
    // A TCP service has a listener of its own, named by its address.
    const address = /^(\d+\.\d+\.\d+\.\d+)_\d+$/.exec(name)?.[1];
    if (address === undefined || address === '0.0.0.0') continue;
    for (const { cluster } of chains) {
      const upstream = upstreams.get(serviceOfCluster(cluster ?? '', namespace) ?? '');
      if (upstream && !upstream.addresses.includes(address)) upstream.addresses.push(address);
    }
  }
  // Chains without a port are for what no Service names: they are passed on as they come.
  const inbound = listeners.find(({ name }) => name === inboundListener)?.chains.filter(isOfApp) ?? [];
  return {
    upstreams,
    callers: inbound.length === 0 ? undefined : callersOf(inbound, namespace, domain),
    permissive: inbound.some(({ tls }) => !tls),
    rejected,
  };
}

function waysTo(
  service: string,
  namespace: string,
  virtualHosts: readonly VirtualHost[],
): Pick<UpstreamConfig, 'addresses' | 'ports'> {
  const own = virtualHosts.filter(({ domains }) => domains.includes(hostOf(service, namespace)));
  const addresses = own.flatMap(({ domains }) => domains.filter((domain) => /^\d+\.\d+\.\d+\.\d+$/.test(domain)));
  return { addresses: [...new Set(addresses)], ports: own.map(({ routes }) => routes) };
}

function isOfApp({ port }: FilterChain): boolean {
  return port !== undefined && port < 15000;
}

/** The route that requests with this path prefix take, on each port. */
export function routesFor({ ports }: UpstreamConfig, pathPrefix: string): Route[] {
  return ports.flatMap((routes) => routeFor(routes, pathPrefix) ?? []);
}

/** An AuthorizationPolicy is an RBAC filter: a policy of principals, each a SPIFFE id. Without one everybody may call. */
function callersOf(chains: readonly FilterChain[], namespace: string, domain: string): Set<string> {
  const callers = new Set<string>();
  for (const { tls, rbac } of chains) {
    if (!tls) continue;
    if (rbac === undefined) return new Set(['*']);
    const text = JSON.stringify(rbac.rules?.policies ?? {});
    const named = [
      ...text.matchAll(new RegExp(`spiffe://${domain.replaceAll('.', '\\.')}/ns/([^/"]+)/sa/([^"]+)"`, 'g')),
    ];
    for (const [, other, account] of named) callers.add(other === namespace ? account! : `${other}/${account!}`);
    if (named.length === 0 && text !== '{}') callers.add('*');
  }
  return callers;
}
