import { parseFamilies, type MetricFamily } from './families.ts';
import { emptyHistogram, mergeHistograms } from './histogram.ts';
import { prometheusHistograms } from './prometheus-histogram.ts';
import type { LatencyHistogram } from './snapshot.ts';

/** What a service itself has counted since it started: a witness beside the proxies, which it knows nothing of. */
export interface AppSnapshot {
  pod: string;
  podUid: string;
  service: string;
  takenAt: number;
  /** Of its process (`process_start_time_seconds`), where it says so: another one began to count anew. */
  startedAt?: number | undefined;
  /** Answers by status code; `unknown` where it does not tell codes apart. */
  requestsByCode: Record<string, number>;
  latency: LatencyHistogram;
}

/**
 * Names by which HTTP servers commonly count their requests: prom-client and promhttp examples, Spring Boot (Micrometer),
 * OpenTelemetry's semantic conventions. The first that is there counts; a histogram knows more than a counter.
 */
const histograms = [
  'http_request_duration_seconds',
  'http_server_request_duration_seconds',
  'http_server_requests_seconds',
];
const counters = ['http_requests_total', 'http_requests'];
const codeLabels = ['code', 'status', 'status_code', 'http_response_status_code'];
const pathLabels = ['route', 'path', 'uri', 'handler', 'http_route'];
/** Asked past the sidecar, by the kubelet's probes and by whoever reads these metrics: no proxy sees them. */
const asideOfTraffic = /(^|[/_-])(metrics|prometheus|health|healthz|healthcheck|ready|readyz|live|livez|ping)\b/i;

/**
 * Reads a service's own metrics. Undefined: it counts no HTTP requests under a name that is known here, and is no witness.
 *
 * @throws MeshproofError MESHPROOF_METRICS_UNREADABLE
 */
export function readAppMetrics(
  text: string,
): Pick<AppSnapshot, 'startedAt' | 'requestsByCode' | 'latency'> | undefined {
  const families = parseFamilies(text);
  const startedAt = families.get('process_start_time_seconds')?.samples[0]?.value;
  const started = startedAt === undefined ? {} : { startedAt: Math.round(startedAt * 1000) };
  for (const name of histograms) {
    const family = families.get(name);
    if (family !== undefined) return { ...started, ...ofHistogram(family) };
  }
  for (const name of counters) {
    const family = families.get(name);
    if (family === undefined) continue;
    const requestsByCode: Record<string, number> = {};
    for (const { labels, value } of family.samples) if (isTraffic(labels)) add(requestsByCode, labels, value);
    return { ...started, requestsByCode, latency: emptyHistogram(false) };
  }
  return undefined;
}

function ofHistogram({ name, samples }: MetricFamily): Pick<AppSnapshot, 'requestsByCode' | 'latency'> {
  const requestsByCode: Record<string, number> = {};
  const own = prometheusHistograms(samples, name, { unit: 's' }).filter(({ labels }) => isTraffic(labels));
  for (const { labels, histogram } of own) add(requestsByCode, labels, histogram.cumulative.at(-1) ?? 0);
  const latency = mergeHistograms(own.map(({ histogram }) => histogram));
  return { requestsByCode, latency: own.length === 0 ? emptyHistogram(false) : latency };
}

function isTraffic(labels: Record<string, string>): boolean {
  return !pathLabels.some((name) => asideOfTraffic.test(labels[name] ?? ''));
}

function add(requestsByCode: Record<string, number>, labels: Record<string, string>, value: number): void {
  const code = codeLabels.map((name) => labels[name]).find((label) => label !== undefined) ?? 'unknown';
  requestsByCode[code] = (requestsByCode[code] ?? 0) + value;
}
