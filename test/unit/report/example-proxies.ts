import type { LatencyHistogram, OutboundCounters, ProxySnapshot } from '../../../src/observe/telemetry/snapshot.ts';

export const httpServices = ['poi', 'trips', 'tripviewer', 'user-java', 'userprofile'];
export const calls: [string, string][] = [
  ['load', 'tripviewer'],
  ['tripviewer', 'poi'],
  ['tripviewer', 'trips'],
  ['tripviewer', 'user-java'],
  ['tripviewer', 'userprofile'],
  ['poi', 'postgres'],
  ['trips', 'postgres'],
  ['user-java', 'postgres'],
  ['userprofile', 'postgres'],
];

/** @param exact false: a proxy with fixed buckets, where all that is known of a quantile is the one it lies in */
function histogram(count: number, exact: boolean): LatencyHistogram {
  return {
    exact,
    upperBoundsMs: [4, 8, 16, 32, 64, Infinity],
    cumulative: [0.2, 0.7, 0.93, 0.995, 1, 1].map((share) => Math.round(share * count)),
    sumMs: count * 9,
  };
}

function traffic(count: number, errors = 0, exact = true) {
  return {
    requestsByCode: { '200': count - errors, ...(errors > 0 && { '503': errors }) } as Record<string, number>,
    latency: histogram(count, exact),
    connections: 4,
    tlsHandshakes: 4,
  };
}

function tcpTraffic(count: number) {
  return {
    requestsByCode: {},
    latency: { exact: true, upperBoundsMs: [Infinity], cumulative: [0], sumMs: 0 },
    connections: count / 10,
    tlsHandshakes: count / 10,
  };
}

/** Every proxy after `count` requests per edge. */
export function snapshotsAt(takenAt: number, count: number, errors: Record<string, number> = {}): ProxySnapshot[] {
  return [...httpServices, 'load', 'postgres'].map((service, index) => {
    const inbound = service === 'load' ? 0 : count;
    const tcp = service === 'postgres';
    return {
      pod: `${service}-5b6c7-x${index}`,
      podUid: `00000000-0000-4000-8000-00000000000${index}`,
      service,
      takenAt,
      startedAt: 1_773_480_000_000 + index,
      inbound: tcp
        ? {
            ...tcpTraffic(count),
            bytesSent: count * 900,
            bytesReceived: count * 300,
          }
        : traffic(inbound, errors[service]),
      outbound: calls
        .filter(([source]) => source === service)
        .map(([, destination]): OutboundCounters => ({
          destination,
          ...(destination === 'postgres'
            ? tcpTraffic(count)
            : traffic(count, errors[destination], destination !== 'userprofile')),
          attempts: count,
          retries: 0,
          retrySuccesses: 0,
          retriesExhausted: 0,
          retryOverflow: 0,
          timeouts: 0,
          bytesSent: count * 300,
          bytesReceived: count * 900,
          healthyEndpoints: 2,
          endpoints: 2,
        })),
      saturation: {
        memoryBytes: 31_457_280 + index * 524_288,
        activeConnections: 4,
        activeRequests: 0,
        pendingOverflow: 0,
        circuitBreakerOpen: 0,
      },
    };
  });
}
