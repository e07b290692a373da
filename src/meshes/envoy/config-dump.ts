/** What an Envoy is told to do, as far as policies go; read from `/config_dump`. */
export interface ProxyConfig {
  /** Services this proxy can call, by what it does with their requests. */
  upstreams: Map<string, UpstreamConfig>;
  /** Services that may call this one; undefined for a proxy without a public listener. */
  callers?: Callers;
  /** Plaintext is taken too. */
  permissive: boolean;
  /** Names of resources whose last update this proxy refused, with its reason. */
  rejected: string[];
  hasPublicListener: boolean;
}

export interface UpstreamConfig {
  /** Undefined for TCP. */
  route?: RouteConfig;
  /** 0 when outlier detection cannot eject; undefined where the proxy has no cluster for it yet. */
  ejectsAfter5xx?: number;
}

export interface RouteConfig {
  retries: number;
  onStatus: number[];
  /** Undefined: Envoy's default of 15 s. 0: none. */
  timeoutMs?: number;
}

/** Names of the callers, `*` for everybody; what they are not allowed is refused. */
export type Callers = ReadonlySet<string>;

/* eslint-disable @typescript-eslint/no-explicit-any -- the dump is Envoy's own JSON, read defensively */
type Json = any;

/** @param serviceOf service of a cluster name, undefined for what is not one of the mesh */
export function readConfigDump(dump: Json, serviceOf: (cluster: string) => string | undefined): ProxyConfig {
  const section = (kind: string): Json =>
    dump.configs?.find((config: Json) => config['@type']?.endsWith(`.${kind}`)) ?? {};
  const listeners: Json[] = section('ListenersConfigDump').dynamic_listeners ?? [];
  const clusters: Json[] = section('ClustersConfigDump').dynamic_active_clusters ?? [];
  const routes = new Map<string, Json>(
    (section('RoutesConfigDump').dynamic_route_configs ?? []).map((entry: Json) => [
      entry.route_config?.name,
      entry.route_config,
    ]),
  );
  const find = (prefix: string): Json =>
    listeners.find((listener) => listener.name.startsWith(prefix))?.active_state?.listener;
  const inbound = find('public_listener');
  const upstreams = new Map<string, UpstreamConfig>();
  for (const chain of find('outbound_listener')?.filter_chains ?? []) {
    const found = upstreamOf(chain, routes, serviceOf);
    if (found) upstreams.set(found.service, { ...(found.route ? { route: found.route } : {}) });
  }
  for (const { cluster } of clusters) {
    const service = serviceOf(cluster?.name ?? '');
    const upstream = service === undefined ? undefined : upstreams.get(service);
    if (upstream) upstream.ejectsAfter5xx = ejectsAfter(cluster.outlier_detection);
  }
  return {
    upstreams,
    ...(inbound ? { callers: callersOf(inbound) } : {}),
    permissive: (inbound?.filter_chains ?? []).some((chain: Json) => !chain.transport_socket),
    rejected: [...listeners, ...clusters]
      .filter((entry) => entry.error_state)
      .map((entry) => `${entry.name ?? entry.cluster?.name}: ${entry.error_state.details ?? 'update refused'}`),
    hasPublicListener: inbound !== undefined,
  };
}

function upstreamOf(chain: Json, routes: Map<string, Json>, serviceOf: (cluster: string) => string | undefined) {
  for (const { typed_config: filter } of chain.filters ?? []) {
    const type: string = filter?.['@type'] ?? '';
    if (type.endsWith('TcpProxy')) {
      const service = serviceOf(filter.cluster ?? '');
      return service === undefined ? undefined : { service };
    }
    if (!type.endsWith('HttpConnectionManager')) continue;
    // With a router Consul sends the routes apart (RDS), without one it puts them into the listener.
    const config = filter.rds ? routes.get(filter.rds.route_config_name) : filter.route_config;
    const first = config?.virtual_hosts?.[0]?.routes?.[0]?.route;
    const cluster = first?.cluster ?? first?.weighted_clusters?.clusters?.[0]?.name;
    const service = serviceOf(cluster ?? '');
    return service === undefined ? undefined : { service, route: routeOf(first) };
  }
  return undefined;
}

function routeOf(route: Json): RouteConfig {
  const policy = route.retry_policy;
  const on: string = policy?.retry_on ?? '';
  return {
    // Envoy's own default when a policy names no number.
    retries: on === '' ? 0 : (policy.num_retries ?? 1),
    onStatus: policy?.retriable_status_codes ?? [],
    ...(route.timeout === undefined ? {} : { timeoutMs: Math.round(Number.parseFloat(route.timeout) * 1000) }),
  };
}

function ejectsAfter(detection: Json): number {
  if (!detection) return 0;
  if (detection.enforcing_consecutive_5xx === 0) return 0;
  return detection.consecutive_5xx ?? 5;
}

/** Consul's intentions are an RBAC filter: a policy of principals, each a pattern of SPIFFE ids that ends in the service. */
function callersOf(listener: Json): Callers {
  const callers = new Set<string>();
  for (const chain of listener.filter_chains ?? []) {
    if (!chain.transport_socket) continue;
    const text = JSON.stringify(rbacOf(chain)?.rules?.policies ?? {});
    for (const [, service] of text.matchAll(/\/svc\/([^"$]+)\$"/g)) callers.add(service === '[^/]+' ? '*' : service!);
  }
  return callers;
}

function rbacOf(chain: Json): Json {
  for (const { typed_config: filter } of chain.filters ?? []) {
    if (filter?.['@type']?.endsWith('RBAC')) return filter;
    const http = filter?.http_filters?.find((entry: Json) => entry.typed_config?.['@type']?.endsWith('RBAC'));
    if (http) return http.typed_config;
  }
  return undefined;
}
