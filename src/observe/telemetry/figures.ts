import type { ProxyDelta, TrafficDelta } from './delta.ts';
import { mergeHistograms } from './histogram.ts';
import type { LatencyHistogram } from './snapshot.ts';

/** Sums of several replicas' counters, for one edge or one service. */
export interface TrafficFigures {
  /** Final answers; a request that was retried counts once. */
  requests: number;
  rps: number;
  /** Answers of 500 and above. Answers below are the service's business, as in Istio's and Linkerd's success rate. */
  errors: number;
  errorsPerSecond: number;
  /** Share of answers that are not errors; null without requests. */
  successRate: number | null;
  latency: LatencyHistogram;
  connections: number;
  connectionsPerSecond: number;
  bytes: number;
  bytesPerSecond: number;
  /** Every replica that carried connections counted TLS handshakes. */
  tls: boolean;
  http: boolean;
}

/** Proxies of `source`, towards `destination`; undefined when no such proxy was seen. */
export function edgeFigures(
  deltas: readonly ProxyDelta[],
  source: string,
  destination: string,
): TrafficFigures | undefined {
  const parts = deltas
    .filter(({ service }) => service === source)
    .flatMap(({ outbound, seconds }) =>
      outbound.filter((out) => out.destination === destination).map((traffic) => ({ traffic, seconds })),
    );
  return parts.length === 0 ? undefined : sum(parts);
}

/** Inbound side of all replicas of a service; undefined when no proxy of it was seen. */
export function serviceFigures(deltas: readonly ProxyDelta[], service: string): TrafficFigures | undefined {
  const parts = deltas
    .filter((delta) => delta.service === service)
    .map(({ inbound, seconds }) => ({ traffic: inbound, seconds }));
  return parts.length === 0 ? undefined : sum(parts);
}

function sum(parts: { traffic: TrafficDelta; seconds: number }[]): TrafficFigures {
  const total = (value: (traffic: TrafficDelta) => number): { count: number; perSecond: number } => ({
    count: parts.reduce((all, { traffic }) => all + value(traffic), 0),
    perSecond: parts.reduce((all, { traffic, seconds }) => all + value(traffic) / seconds, 0),
  });
  const requests = total((traffic) => Object.values(traffic.requestsByCode).reduce((all, count) => all + count, 0));
  const errors = total(errorsOf);
  const connections = total((traffic) => traffic.connections);
  const bytes = total((traffic) => (traffic.bytesSent ?? 0) + (traffic.bytesReceived ?? 0));
  const used = parts.filter(({ traffic }) => traffic.connections > 0 || traffic.tls);
  return {
    requests: requests.count,
    rps: requests.perSecond,
    errors: errors.count,
    errorsPerSecond: errors.perSecond,
    successRate: requests.count > 0 ? 1 - errors.count / requests.count : null,
    latency: mergeHistograms(parts.map(({ traffic }) => traffic.latency)),
    connections: connections.count,
    connectionsPerSecond: connections.perSecond,
    bytes: bytes.count,
    bytesPerSecond: bytes.perSecond,
    tls: used.length > 0 && used.every(({ traffic }) => traffic.tls),
    http: parts.some(({ traffic }) => traffic.http),
  };
}

/** A code class (`5xx`) counts as well as a code; code 0 or an unknown one (no answer came) is an error. */
function errorsOf({ requestsByCode }: TrafficDelta): number {
  return Object.entries(requestsByCode)
    .filter(([code]) => !/^[1-4]/.test(code))
    .reduce((all, [, count]) => all + count, 0);
}
