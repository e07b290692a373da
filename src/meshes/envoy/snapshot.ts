import { parseEnvoyCounters, parseEnvoyHistograms } from '../../observe/telemetry/envoy-histogram.ts';
import { mergeHistograms } from '../../observe/telemetry/histogram.ts';
import type {
  LatencyHistogram,
  OutboundCounters,
  ProxySnapshot,
  TrafficCounters,
} from '../../observe/telemetry/snapshot.ts';

/** How a mesh names what its Envoys count. */
export interface StatNames {
  /** A cluster of the app behind the sidecar. */
  isApp(cluster: string): boolean;
  /** `stat_prefix` of requests that come from other sidecars. */
  isInbound(prefix: string): boolean;
  /** Ends the stat name of the listener other sidecars connect to, `listener.<address>_20000`. */
  inboundPort: number;
  /** Service of an upstream cluster, undefined for what is not a service of the mesh. */
  serviceOf(cluster: string): string | undefined;
  /**
   * `stat_prefix` of the outbound HTTP filter chain of a service, where it has one of its own. Without one its latency is the
   * cluster's, which lacks requests that ran into the route's timeout.
   */
  outboundPrefix?: ((service: string) => string) | undefined;
}

export interface SnapshotSubject {
  pod: string;
  podUid: string;
  service: string;
  takenAt: number;
  startedAt: number;
}

/**
 * Reads `/stats?format=json&histogram_buckets=detailed`.
 *
 * An edge's latency is taken from the outbound listener where the mesh has one for each service, not from the cluster: Envoy
 * leaves requests that ran into the route's timeout out of `upstream_rq_time`. Answers by code are the cluster's, which counts
 * final ones only. A service with several ports or subsets has a cluster for each: they are added up.
 */
export function readSnapshot(statsJson: string, subject: SnapshotSubject, names: StatNames): ProxySnapshot {
  const counters = parseEnvoyCounters(statsJson);
  const histograms = parseEnvoyHistograms(statsJson);
  const clusters = new Map<string, string[]>();
  const app: string[] = [];
  for (const name of counters.keys()) {
    const cluster = /^cluster\.(.+)\.membership_total$/.exec(name)?.[1];
    if (cluster === undefined) continue;
    if (names.isApp(cluster)) app.push(cluster);
    const service = names.serviceOf(cluster);
    if (service !== undefined) clusters.set(service, [...(clusters.get(service) ?? []), cluster]);
  }
  const prefixes = prefixesOf(counters).filter((prefix) => names.isInbound(prefix));
  const outbound = [...clusters].map(([service, own]) => outboundCounters(service, own, counters, histograms, names));
  const sum = (pattern: RegExp): number => sumOf(counters, pattern);
  const active = [
    ...prefixes.map((prefix) => `http.${prefix}.downstream_rq_active`),
    ...[...clusters].flatMap(([service, own]) =>
      names.outboundPrefix === undefined
        ? own.map((cluster) => `cluster.${cluster}.upstream_rq_active`)
        : [`http.${names.outboundPrefix(service)}.downstream_rq_active`],
    ),
  ];
  return {
    ...subject,
    inbound: inboundCounters({ app, prefixes, counters, histograms }, names),
    outbound: outbound.sort((a, b) => a.destination.localeCompare(b.destination)),
    saturation: {
      memoryBytes: counters.get('server.memory_physical_size') ?? 0,
      activeConnections: sum(/^listener\.[\d.]+_\d+\.downstream_cx_active$/),
      activeRequests: total(counters, active),
      pendingOverflow: sum(/^cluster\..+\.upstream_rq_pending_overflow$/),
      circuitBreakerOpen: sum(/^cluster\..+\.circuit_breakers\.default\.(cx|rq|rq_pending|rq_retry)_open$/),
    },
  };
}

type Counters = Map<string, number>;
type Histograms = Map<string, LatencyHistogram>;

/** `stat_prefix` of every HTTP connection manager. */
function prefixesOf(counters: Counters): string[] {
  return [...counters.keys()].flatMap((name) => /^http\.(.+)\.downstream_rq_total$/.exec(name)?.[1] ?? []);
}

function inboundCounters(
  seen: { app: readonly string[]; prefixes: readonly string[]; counters: Counters; histograms: Histograms },
  names: StatNames,
): TrafficCounters {
  const { app, prefixes, counters, histograms } = seen;
  const requestsByCode = codesOf(counters, app);
  // A call that a policy forbids never gets to the app, and is no less an answer of this service.
  const denied = total(
    counters,
    prefixes.map((prefix) => `http.${prefix}.rbac.denied`),
  );
  if (denied > 0) requestsByCode['403'] = (requestsByCode['403'] ?? 0) + denied;
  const ofApp = (stat: string): number =>
    total(
      counters,
      app.map((cluster) => `cluster.${cluster}.${stat}`),
    );
  return {
    requestsByCode,
    latency: merged(
      histograms,
      prefixes.map((prefix) => `http.${prefix}.downstream_rq_time`),
    ),
    connections: sumOf(counters, new RegExp(`^listener\\..+_${names.inboundPort}\\.downstream_cx_total$`)),
    tlsHandshakes: sumOf(counters, new RegExp(`^listener\\..+_${names.inboundPort}\\.ssl\\.handshake$`)),
    bytesSent: ofApp('upstream_cx_rx_bytes_total'),
    bytesReceived: ofApp('upstream_cx_tx_bytes_total'),
  };
}

function outboundCounters(
  service: string,
  clusters: readonly string[],
  counters: Counters,
  histograms: Histograms,
  names: StatNames,
): OutboundCounters {
  const count = (stat: string): number =>
    total(
      counters,
      clusters.map((cluster) => `cluster.${cluster}.${stat}`),
    );
  const latencies =
    names.outboundPrefix === undefined
      ? clusters.map((cluster) => `cluster.${cluster}.upstream_rq_time`)
      : [`http.${names.outboundPrefix(service)}.downstream_rq_time`];
  return {
    destination: service,
    requestsByCode: codesOf(counters, clusters),
    latency: merged(histograms, latencies),
    connections: count('upstream_cx_total'),
    tlsHandshakes: count('ssl.handshake'),
    attempts: count('upstream_rq_total'),
    retries: count('upstream_rq_retry'),
    retrySuccesses: count('upstream_rq_retry_success'),
    retriesExhausted: count('upstream_rq_retry_limit_exceeded'),
    retryOverflow: count('upstream_rq_retry_overflow'),
    timeouts: count('upstream_rq_timeout'),
    bytesSent: count('upstream_cx_tx_bytes_total'),
    bytesReceived: count('upstream_cx_rx_bytes_total'),
    healthyEndpoints: count('membership_healthy'),
    endpoints: count('membership_total'),
  };
}

/** `cluster.X.upstream_rq_200` and the like; `cluster.X.retry.upstream_rq_503` counts answers that were retried. */
function codesOf(counters: Counters, clusters: readonly string[]): Record<string, number> {
  const codes: Record<string, number> = {};
  const prefixes = clusters.map((cluster) => `cluster.${cluster}.upstream_rq_`);
  for (const [name, value] of counters) {
    const prefix = prefixes.find((each) => name.startsWith(each));
    if (prefix === undefined) continue;
    const code = name.slice(prefix.length);
    if (/^[1-5]\d\d$/.test(code) && value > 0) codes[code] = (codes[code] ?? 0) + value;
  }
  return codes;
}

function total(counters: Counters, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (counters.get(name) ?? 0), 0);
}

function merged(histograms: Histograms, names: readonly string[]): LatencyHistogram {
  return mergeHistograms(names.flatMap((name) => histograms.get(name) ?? []));
}

function sumOf(counters: Counters, pattern: RegExp): number {
  let total = 0;
  for (const [name, value] of counters) if (pattern.test(name)) total += value;
  return total;
}
