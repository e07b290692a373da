/** What an Envoy is told to do, in Envoy's own words; what a mesh means by it is read in the mesh's folder. */
export interface EnvoyConfig {
  listeners: Listener[];
  clusters: Cluster[];
  /** Of route configurations that came apart from their listeners (RDS). */
  virtualHosts: VirtualHost[];
  /** Names of resources whose last update this proxy refused, with its reason. */
  rejected: string[];
}

export interface Listener {
  /** As the control plane named it. */
  name: string;
  chains: FilterChain[];
}

export interface FilterChain {
  /** Destination addresses it is for, without their prefix length; empty: all. */
  addresses: string[];
  /** Destination port it is for; undefined: all. */
  port?: number | undefined;
  /** It terminates TLS. */
  tls: boolean;
  /** Where a TCP proxy sends what comes in. */
  cluster?: string | undefined;
  /** Of an HTTP connection manager, in the order in which they are tried. */
  routes?: Route[] | undefined;
  /** Configuration of its RBAC filter, network or HTTP. */
  rbac?: Json;
}

export interface VirtualHost {
  /** Of the route configuration it is in. */
  routeConfig: string;
  domains: string[];
  /** In the order in which they are tried. */
  routes: Route[];
}

export interface Route {
  /** Path prefix; undefined for a match of another kind. */
  prefix?: string | undefined;
  /** The prefix is of whole elements of a path: `/api` is none of `/apis`. */
  wholeElements?: boolean | undefined;
  /** As the control plane named it. */
  name?: string | undefined;
  /** What a control plane notes of it (`filter_metadata`), by filter or mesh. */
  notes?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  /** The first, where requests are shared between several. */
  cluster?: string | undefined;
  retries: number;
  onStatus: number[];
  /** Undefined: Envoy's default of 15 s. 0: none. */
  timeoutMs?: number | undefined;
}

export interface Cluster {
  name: string;
  /** 0 when outlier detection cannot eject for errors in a row. */
  ejectsAfter5xx: number;
}

/** The route that requests with this path prefix take. */
export function routeFor(routes: readonly Route[], pathPrefix: string): Route | undefined {
  return routes.find((route) => takes(route, pathPrefix));
}

function takes({ prefix, wholeElements = false }: Route, path: string): boolean {
  if (prefix === undefined || !path.startsWith(prefix)) return false;
  return !wholeElements || path === prefix || path[prefix.length] === '/';
}

/* eslint-disable @typescript-eslint/no-explicit-any -- the dump is Envoy's own JSON, read defensively */
type Json = any;

/** Reads `/config_dump`. */
export function readConfigDump(dump: Json): EnvoyConfig {
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
  return {
    listeners: listeners.map(({ name, active_state: active }) => ({
      name: name ?? '',
      chains: (active?.listener?.filter_chains ?? []).map((chain: Json) => filterChain(chain, routes)),
    })),
    clusters: clusters.map(({ cluster }) => ({
      name: cluster?.name ?? '',
      ejectsAfter5xx: ejectsAfter(cluster?.outlier_detection),
    })),
    virtualHosts: [...routes].flatMap(([routeConfig, config]) =>
      (config?.virtual_hosts ?? []).map((host: Json) => ({
        routeConfig,
        domains: host.domains ?? [],
        routes: (host.routes ?? []).map(route),
      })),
    ),
    rejected: [...listeners, ...clusters]
      .filter((entry) => entry.error_state)
      .map((entry) => `${entry.name ?? entry.cluster?.name}: ${entry.error_state.details ?? 'update refused'}`),
  };
}

function filterChain(chain: Json, routes: Map<string, Json>): FilterChain {
  const found: FilterChain = {
    addresses: (chain.filter_chain_match?.prefix_ranges ?? []).map(
      ({ address_prefix: address }: { address_prefix: string }) => address,
    ),
    port: chain.filter_chain_match?.destination_port,
    tls: Boolean(chain.transport_socket),
  };
  for (const { typed_config: filter } of chain.filters ?? []) {
    const type: string = filter?.['@type'] ?? '';
    if (type.endsWith('RBAC')) found.rbac = filter;
    if (type.endsWith('TcpProxy')) found.cluster = filter.cluster;
    if (!type.endsWith('HttpConnectionManager')) continue;
    // Routes come apart (RDS) or inside the listener.
    const config = filter.rds ? routes.get(filter.rds.route_config_name) : filter.route_config;
    found.routes = (config?.virtual_hosts?.[0]?.routes ?? []).map(route);
    found.rbac ??= filter.http_filters?.find((entry: Json) =>
      entry.typed_config?.['@type']?.endsWith('RBAC'),
    )?.typed_config;
  }
  return found;
}

function route({ name, match, metadata, route: action = {} }: Json): Route {
  const policy = action.retry_policy;
  const on: string = policy?.retry_on ?? '';
  return {
    prefix: match?.prefix ?? match?.path_separated_prefix,
    ...(match?.path_separated_prefix !== undefined && { wholeElements: true }),
    ...(name && { name }),
    ...(metadata?.filter_metadata && { notes: metadata.filter_metadata }),
    cluster: action.cluster ?? action.weighted_clusters?.clusters?.[0]?.name,
    // Envoy's own default when a policy names no number.
    retries: on === '' ? 0 : (policy.num_retries ?? 1),
    onStatus: policy?.retriable_status_codes ?? [],
    timeoutMs: action.timeout === undefined ? undefined : Math.round(Number.parseFloat(action.timeout) * 1000),
  };
}

function ejectsAfter(detection: Json): number {
  if (!detection) return 0;
  if (detection.enforcing_consecutive_5xx === 0) return 0;
  return detection.consecutive_5xx ?? 5;
}
