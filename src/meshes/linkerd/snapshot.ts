import { mergeHistograms } from '../../observe/telemetry/histogram.ts';
import { prometheusHistograms } from '../../observe/telemetry/prometheus-histogram.ts';
import type {
  LatencyHistogram,
  OutboundCounters,
  ProxySnapshot,
  TrafficCounters,
} from '../../observe/telemetry/snapshot.ts';
import { Metrics } from './metrics.ts';
import { ports, serviceOf } from './names.ts';

export interface SnapshotSubject {
  pod: string;
  podUid: string;
  service: string;
  namespace: string;
  takenAt: number;
}

type Labels = Record<string, string>;

/**
 * Reads a proxy's `/metrics` (linkerd2-proxy, its classic counters and those of routes). A call is counted by the routes of its
 * service's policies (`outbound_http_route_*`) or, where that has a ServiceProfile, by those (`route_*`), never by both.
 *
 * Latency is that of single attempts until their headers come, in fixed buckets: the histograms of whole requests have four
 * buckets, which tell nothing. What a proxy answers by itself has no status in its counters but a reason (`error`).
 */
export function readSnapshot(text: string, subject: SnapshotSubject): ProxySnapshot {
  const metrics = new Metrics(text);
  const { namespace, ...own } = subject;
  const services = new Set(
    ['outbound_http_route_request_statuses_total', 'route_request_total', 'tcp_open_total'].flatMap((name) =>
      metrics.of(name).flatMap(({ labels }) => calledService(labels, namespace) ?? []),
    ),
  );
  const outbound = [...services].map((service) => outboundCounters(service, namespace, metrics));
  return {
    ...own,
    startedAt: metrics.startedAt,
    inbound: inboundCounters(metrics),
    outbound: outbound.sort((a, b) => a.destination.localeCompare(b.destination)),
    saturation: {
      memoryBytes: metrics.sum('process_resident_memory_bytes'),
      activeConnections: metrics.sum('tcp_open_connections', ({ peer }) => peer === 'src'),
      // Begun and not yet answered.
      activeRequests: Math.max(0, metrics.sum('request_total') - metrics.sum('response_total')),
      pendingOverflow: metrics.sum('outbound_http_route_request_statuses_total', ({ error }) => error === 'LOAD_SHED'),
      circuitBreakerOpen: metrics.sum(
        'outbound_http_balancer_endpoints',
        ({ endpoint_state: state }) => state === 'failed',
      ),
    },
  };
}

/**
 * The service that a call goes to, where it is in this namespace: by the route's parent, by the host and port that a ServiceProfile
 * is about, or by the endpoint's labels.
 */
function calledService(labels: Labels, namespace: string): string | undefined {
  if (labels['parent_kind'] === 'Service')
    return labels['parent_namespace'] === namespace ? labels['parent_name'] : undefined;
  if (labels['direction'] !== 'outbound') return undefined;
  const { dst } = labels;
  if (dst !== undefined) return serviceOf(dst.slice(0, dst.lastIndexOf(':')), namespace);
  return labels['dst_namespace'] === namespace ? labels['dst_service'] : undefined;
}

/** What came for the app: not the kubelet's questions to the proxy, and not what its own admin port was asked. */
function isForApp({ direction, target_port: target, srv_port: port, route_name: route }: Labels): boolean {
  const admin = String(ports.admin);
  return direction === 'inbound' && target !== admin && port !== admin && route !== 'probe';
}

function inboundCounters(metrics: Metrics): TrafficCounters {
  const requestsByCode = metrics.by('response_total', (labels) => (isForApp(labels) ? statusOf(labels) : undefined));
  // A call that a policy forbids never gets to the app, and is no less an answer of this service.
  const denied = metrics.sum('inbound_http_authz_deny_total');
  if (denied > 0) requestsByCode['403'] = (requestsByCode['403'] ?? 0) + denied;
  const fromOthers = (labels: Labels): boolean => isForApp(labels) && labels['peer'] === 'src';
  const toApp = (labels: Labels): boolean => isForApp(labels) && labels['peer'] === 'dst';
  return {
    requestsByCode,
    latency: latencyOf(metrics, isForApp),
    connections: metrics.sum('tcp_open_total', fromOthers),
    tlsHandshakes: metrics.sum('tcp_open_total', (labels) => fromOthers(labels) && labels['tls'] === 'true'),
    bytesSent: metrics.sum('tcp_read_bytes_total', toApp),
    bytesReceived: metrics.sum('tcp_write_bytes_total', toApp),
  };
}

function outboundCounters(service: string, namespace: string, metrics: Metrics): OutboundCounters {
  const isIts = (labels: Labels): boolean => calledService(labels, namespace) === service;
  const toIt = (labels: Labels): boolean => isIts(labels) && labels['peer'] === 'dst';
  const route = (what: string): number => metrics.sum(`outbound_http_route_${what}_total`, isIts);
  const statuses = ['outbound_http_route_request_statuses_total', 'route_response_total'];
  const profile = profileCounters(metrics, isIts);
  const endpoints = (where: (labels: Labels) => boolean): number =>
    ['http', 'tcp'].reduce(
      (most, kind) =>
        Math.max(
          most,
          metrics.sum(
            `outbound_${kind}_balancer_endpoints`,
            (labels) =>
              labels['backend_name'] === service && labels['backend_namespace'] === namespace && where(labels),
          ),
        ),
      0,
    );
  return {
    destination: service,
    requestsByCode: metrics.by(statuses, (labels) => (isIts(labels) ? statusOf(labels) : undefined)),
    latency: latencyOf(metrics, isIts),
    connections: metrics.sum('tcp_open_total', toIt),
    tlsHandshakes: metrics.sum('tcp_open_total', (labels) => toIt(labels) && labels['tls'] === 'true'),
    attempts: route('backend_requests') + profile.attempts,
    retries: route('retry_requests') + profile.retries,
    retrySuccesses: route('retry_successes'),
    retriesExhausted: route('retry_limit_exceeded'),
    retryOverflow: route('retry_overflow') + profile.refused,
    timeouts: statuses.reduce(
      (sum, name) => sum + metrics.sum(name, (labels) => isIts(labels) && isTimeout(labels)),
      0,
    ),
    bytesSent: metrics.sum('tcp_write_bytes_total', toIt),
    bytesReceived: metrics.sum('tcp_read_bytes_total', toIt),
    healthyEndpoints: endpoints(({ endpoint_state: state }) => state === 'ready'),
    endpoints: endpoints(() => true),
  };
}

/**
 * Of the routes of a ServiceProfile. What could be tried again and was not for want of budget is counted once more apart
 * (linkerd2-proxy, http/metrics/src/retries.rs).
 */
function profileCounters(
  metrics: Metrics,
  isIts: (labels: Labels) => boolean,
): { attempts: number; retries: number; refused: number } {
  const retryable = (skipped: string | undefined): number =>
    metrics.sum('route_retryable_total', (labels) => isIts(labels) && labels['skipped'] === skipped);
  const refused = retryable('no_budget');
  return {
    attempts: metrics.sum('route_actual_request_total', isIts),
    retries: retryable(undefined) - refused,
    refused,
  };
}

function isTimeout({ error = '' }: Labels): boolean {
  return error === 'timeout' || error.endsWith('_TIMEOUT');
}

/** What the proxy answers by itself: linkerd2-proxy, linkerd/app/core/src/errors and the outbound server's. */
const ownAnswers: Readonly<Record<string, string>> = {
  REQUEST_TIMEOUT: '504',
  RESPONSE_HEADERS_TIMEOUT: '504',
  RESPONSE_STREAM_TIMEOUT: '504',
  IDLE_TIMEOUT: '504',
  FAIL_FAST: '504',
  LOAD_SHED: '503',
  // Of a ServiceProfile's route.
  timeout: '504',
};

function statusOf(labels: Labels): string | undefined {
  const { error = '' } = labels;
  const status = labels['http_status'] ?? labels['status_code'] ?? '';
  if (/^[1-5]\d\d$/.test(status)) return status;
  return ownAnswers[error] ?? (error === '' ? undefined : '502');
}

function latencyOf(metrics: Metrics, where: (labels: Labels) => boolean): LatencyHistogram {
  const name = 'response_latency_ms';
  const samples = metrics.samples.filter((sample) => sample.name.startsWith(name) && where(sample.labels));
  return mergeHistograms(prometheusHistograms(samples, name, { unit: 'ms' }).map(({ histogram }) => histogram));
}
