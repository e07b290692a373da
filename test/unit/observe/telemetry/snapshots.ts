import type {
  LatencyHistogram,
  OutboundCounters,
  ProxySnapshot,
  TrafficCounters,
} from '../../../../src/observe/telemetry/snapshot.ts';

/** An exact histogram with `count` samples in the millisecond from `atMs`. */
export function exactAt(atMs: number, count: number): LatencyHistogram {
  return { exact: true, upperBoundsMs: [atMs, atMs + 1, Infinity], cumulative: [0, count, count], sumMs: count * atMs };
}

export function traffic(codes: Record<string, number>, atMs = 50): TrafficCounters {
  const requests = Object.values(codes).reduce((sum, count) => sum + count, 0);
  return {
    requestsByCode: codes,
    latency: exactAt(atMs, requests),
    connections: requests > 0 ? 2 : 0,
    tlsHandshakes: requests > 0 ? 2 : 0,
  };
}

export function outbound(
  destination: string,
  codes: Record<string, number>,
  over: Partial<OutboundCounters> = {},
): OutboundCounters {
  const requests = Object.values(codes).reduce((sum, count) => sum + count, 0);
  return {
    ...traffic(codes),
    destination,
    attempts: requests,
    retries: 0,
    retrySuccesses: 0,
    retriesExhausted: 0,
    retryOverflow: 0,
    timeouts: 0,
    bytesSent: requests * 100,
    bytesReceived: requests * 1000,
    healthyEndpoints: 2,
    endpoints: 2,
    ...over,
  };
}

export function snapshot(service: string, pod: string, over: Partial<ProxySnapshot> = {}): ProxySnapshot {
  return {
    pod,
    podUid: `uid-${pod}`,
    service,
    takenAt: 1_000_000,
    startedAt: 500_000,
    inbound: traffic({}),
    outbound: [],
    saturation: {
      memoryBytes: 30e6,
      activeConnections: 1,
      activeRequests: 0,
      pendingOverflow: 0,
      circuitBreakerOpen: 0,
    },
    ...over,
  };
}

export const later = { takenAt: 1_010_000 };
