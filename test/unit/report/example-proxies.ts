import type { LatencyHistogram, OutboundCounters, ProxySnapshot } from '../../../src/observe/telemetry/snapshot.ts';
import type { GoldenSignals } from '../../../src/observe/telemetry/golden.ts';

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

function histogram(count: number): LatencyHistogram {
  return {
    exact: true,
    upperBoundsMs: [4, 8, 16, 32, 64, Infinity],
    cumulative: [0.2, 0.7, 0.93, 0.995, 1, 1].map((share) => Math.round(share * count)),
    sumMs: count * 9,
  };
}

function traffic(count: number, errors = 0) {
  return {
    requestsByCode: { '200': count - errors, ...(errors > 0 && { '503': errors }) } as Record<string, number>,
    latency: histogram(count),
    connections: 4,
    tlsHandshakes: 4,
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
            requestsByCode: {},
            latency: { exact: true, upperBoundsMs: [Infinity], cumulative: [0], sumMs: 0 },
            connections: count / 10,
            tlsHandshakes: count / 10,
            bytesSent: count * 900,
            bytesReceived: count * 300,
          }
        : traffic(inbound, errors[service]),
      outbound: calls
        .filter(([source]) => source === service)
        .map(([, destination]): OutboundCounters => ({
          destination,
          ...traffic(count, errors[destination]),
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

export function signalsOf(scenario: string): GoldenSignals[] {
  return calls.map(([source, destination], index): GoldenSignals => {
    const tcp = destination === 'postgres';
    // A proxy with fixed buckets: where its quantiles lie is all that is known.
    const coarse = destination === 'userprofile';
    return {
      scenario,
      arm: 'treatment',
      phase: 'baseline',
      source,
      destination,
      reporter: 'client-proxy',
      protocol: tcp ? 'tcp' : 'http',
      rps: tcp ? 0 : 20 - index,
      successRate: tcp ? null : 1,
      errorsPerSecond: 0,
      p50Ms: tcp || coarse ? null : 6.4 + index,
      p95Ms: tcp || coarse ? null : 18.2 + index,
      p99Ms: tcp || coarse ? null : 29.7 + index,
      saturation: { memoryBytes: 31_457_280, activeConnections: 4 },
      tls: true,
      ...(coarse && { intervalsMs: { p50: [5, 10], p95: [10, 25], p99: [10_000, null] } }),
    };
  });
}
