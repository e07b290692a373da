import { parseEnvoyCounters, parseEnvoyHistograms } from '../../observe/telemetry/envoy-histogram.ts';
import { emptyHistogram } from '../../observe/telemetry/histogram.ts';
import type {
  LatencyHistogram,
  OutboundCounters,
  ProxySnapshot,
  TrafficCounters,
} from '../../observe/telemetry/snapshot.ts';

/** How a mesh names what its Envoys count. */
export interface StatNames {
  /** Cluster of the app behind the sidecar. */
  appCluster: string;
  /** `stat_prefix` of the listener other sidecars connect to. */
  inboundPrefix: string;
  /** Ends the listener's own stat name, `listener.<address>_20000`. */
  inboundPort: number;
  /** Service of an upstream cluster, undefined for what is not a service of the mesh. */
  serviceOf(cluster: string): string | undefined;
  /** `stat_prefix` of the outbound HTTP filter chain of a service. */
  outboundPrefix(service: string): string;
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
 * An edge's latency is taken from the outbound listener, not from the cluster: Envoy leaves requests that ran into the
 * route's timeout out of `upstream_rq_time`. Answers by code are the cluster's, which counts final ones only.
 */
export function readSnapshot(statsJson: string, subject: SnapshotSubject, names: StatNames): ProxySnapshot {
  const counters = parseEnvoyCounters(statsJson);
  const histograms = parseEnvoyHistograms(statsJson);
  const services = new Map<string, string>();
  for (const name of counters.keys()) {
    const cluster = /^cluster\.(.+)\.membership_total$/.exec(name)?.[1];
    const service = cluster === undefined ? undefined : names.serviceOf(cluster);
    if (cluster !== undefined && service !== undefined) services.set(service, cluster);
  }
  const outbound = [...services].map(([service, cluster]) =>
    outboundCounters(service, cluster, counters, histograms, names),
  );
  const sum = (pattern: RegExp): number => sumOf(counters, pattern);
  return {
    ...subject,
    inbound: inboundCounters(counters, histograms, names),
    outbound: outbound.sort((a, b) => a.destination.localeCompare(b.destination)),
    saturation: {
      memoryBytes: counters.get('server.memory_physical_size') ?? 0,
      activeConnections: sum(/^listener\.[\d.]+_\d+\.downstream_cx_active$/),
      activeRequests: [names.inboundPrefix, ...[...services.keys()].map((service) => names.outboundPrefix(service))]
        .map((prefix) => counters.get(`http.${prefix}.downstream_rq_active`) ?? 0)
        .reduce((total, value) => total + value, 0),
      pendingOverflow: sum(/^cluster\..+\.upstream_rq_pending_overflow$/),
      circuitBreakerOpen: sum(/^cluster\..+\.circuit_breakers\.default\.(cx|rq|rq_pending|rq_retry)_open$/),
    },
  };
}

type Counters = Map<string, number>;
type Histograms = Map<string, LatencyHistogram>;

function inboundCounters(counters: Counters, histograms: Histograms, names: StatNames): TrafficCounters {
  const cluster = `cluster.${names.appCluster}`;
  const http = `http.${names.inboundPrefix}`;
  const requestsByCode = codesOf(counters, cluster);
  // A call that an intention forbids never gets to the app, and is no less an answer of this service.
  const denied = counters.get(`${http}.rbac.denied`) ?? 0;
  if (denied > 0) requestsByCode['403'] = (requestsByCode['403'] ?? 0) + denied;
  return {
    requestsByCode,
    latency: histograms.get(`${http}.downstream_rq_time`) ?? emptyHistogram(),
    connections: sumOf(counters, new RegExp(`^listener\\..+_${names.inboundPort}\\.downstream_cx_total$`)),
    tlsHandshakes: sumOf(counters, new RegExp(`^listener\\..+_${names.inboundPort}\\.ssl\\.handshake$`)),
    bytesSent: counters.get(`${cluster}.upstream_cx_rx_bytes_total`) ?? 0,
    bytesReceived: counters.get(`${cluster}.upstream_cx_tx_bytes_total`) ?? 0,
  };
}

function outboundCounters(
  service: string,
  clusterName: string,
  counters: Counters,
  histograms: Histograms,
  names: StatNames,
): OutboundCounters {
  const count = (stat: string): number => counters.get(`cluster.${clusterName}.${stat}`) ?? 0;
  return {
    destination: service,
    requestsByCode: codesOf(counters, `cluster.${clusterName}`),
    latency: histograms.get(`http.${names.outboundPrefix(service)}.downstream_rq_time`) ?? emptyHistogram(),
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
function codesOf(counters: Counters, cluster: string): Record<string, number> {
  const codes: Record<string, number> = {};
  const prefix = `${cluster}.upstream_rq_`;
  for (const [name, value] of counters) {
    if (!name.startsWith(prefix)) continue;
    const code = name.slice(prefix.length);
    if (/^[1-5]\d\d$/.test(code) && value > 0) codes[code] = value;
  }
  return codes;
}

function sumOf(counters: Counters, pattern: RegExp): number {
  let total = 0;
  for (const [name, value] of counters) if (pattern.test(name)) total += value;
  return total;
}
