import { emptyHistogram, mergeHistograms } from '../../observe/telemetry/histogram.ts';
import { prometheusHistograms } from '../../observe/telemetry/prometheus-histogram.ts';
import { parsePrometheus } from '../../observe/telemetry/prometheus.ts';
import type { MeshMetrics, MeshTraffic } from '../../observe/telemetry/snapshot.ts';
import { serviceOfHost } from './names.ts';

type Labels = Readonly<Record<string, string>>;

const requests = 'istio_requests_total';
const durations = 'istio_request_duration_milliseconds';
/** Of every proxy with the filter istio.stats, also before its first request. */
const build = 'istio_build';

/** Asks a sidecar's admin port for what `readIstioMetrics` reads; all its counters would be some hundred kB. */
export const istioMetricsPath = '/stats/prometheus?filter=istio_(requests_total|request_duration|build)';

/**
 * Answers that a filter of the proxy gave itself, before any cluster was asked (a fault, a limit, a check from outside, no route):
 * no counter of a cluster has them. https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
 */
const ofNoCluster = new Set(['FI', 'RL', 'UAEX', 'NR', 'NC']);
/** What a Telemetry may have taken away. https://istio.io/latest/docs/reference/config/metrics */
const needed = [
  'reporter',
  'destination_service',
  'destination_service_name',
  'destination_service_namespace',
  'response_code',
  'response_flags',
];

/**
 * Pure: the istio_* metrics of HTTP requests of one sidecar, since it started, in the words in which its own counters are read. Left
 * out are requests that nobody answered (code 0) and those that no cluster had to do with.
 *
 * @param namespace its own: services of others are no edges here
 * @returns undefined where it keeps none, or without labels that tell them apart
 * @throws MeshproofError MESHPROOF_METRICS_UNREADABLE
 */
export function readIstioMetrics(text: string, namespace: string): MeshMetrics | undefined {
  const samples = parsePrometheus(text);
  const counted = samples.filter(({ name }) => name === requests);
  if (counted.length === 0 && !samples.some(({ name }) => name === build)) return undefined;
  if (counted.some(({ labels }) => needed.some((label) => labels[label] === undefined))) return undefined;
  const measured = prometheusHistograms(samples, durations, { unit: 'ms' });
  const traffic = (isMeant: (labels: Labels) => boolean): MeshTraffic => {
    const requestsByCode: Record<string, number> = {};
    for (const { labels, value } of counted) {
      const code = labels['response_code'] ?? '';
      if (isMeant(labels)) requestsByCode[code] = (requestsByCode[code] ?? 0) + value;
    }
    const own = measured.filter(({ labels }) => isMeant(labels)).map(({ histogram }) => histogram);
    return { requestsByCode, latency: own.length === 0 ? emptyHistogram(false) : mergeHistograms(own) };
  };
  const called = counted.flatMap(({ labels }) => destinationOf(labels, namespace) ?? []);
  return {
    inbound: traffic((labels) => wasAnswered(labels) && isOfApp(labels)),
    outbound: [...new Set(called)].sort().map((destination) => ({
      destination,
      ...traffic((labels) => destinationOf(labels, namespace) === destination),
    })),
  };
}

function wasAnswered({ response_code: code = '', response_flags: flags = '' }: Labels): boolean {
  return /^[2-5]\d\d$/.test(code) && !flags.split(',').some((flag) => ofNoCluster.has(flag));
}

/** What no Service names is passed on past the clusters of the app. */
function isOfApp({ reporter, destination_service_name: name = '' }: Labels): boolean {
  return reporter === 'destination' && !name.startsWith('InboundPassthroughCluster');
}

function destinationOf(labels: Labels, namespace: string): string | undefined {
  const { reporter, destination_service: host = '', destination_service_namespace: where } = labels;
  // Without a cluster the host is what the request says, and the namespace unknown.
  if (reporter !== 'source' || where !== namespace || !wasAnswered(labels)) return undefined;
  return serviceOfHost(host, namespace);
}
