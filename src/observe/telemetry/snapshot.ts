/**
 * What one proxy has counted since it started, in mesh-neutral words. Adapters produce it; golden signals are
 * differences of two snapshots of the same proxy (same `startedAt`, else the proxy restarted and nothing can be said).
 */
export interface ProxySnapshot {
  pod: string;
  podUid: string;
  /** Service name, e.g. `trips`. */
  service: string;
  takenAt: number;
  /** Identifies the process: Envoy's start time. */
  startedAt: number;
  inbound: TrafficCounters;
  outbound: OutboundCounters[];
  saturation: Saturation;
  /** Where the mesh has metrics of its own beside its proxies' counters, and this proxy keeps them. */
  meshMetrics?: MeshMetrics | undefined;
}

/** The same requests as the mesh's own metrics have them: what dashboards and alerts of its users rest on. */
export interface MeshMetrics {
  inbound: MeshTraffic;
  outbound: (MeshTraffic & { destination: string })[];
}

export type MeshTraffic = Pick<TrafficCounters, 'requestsByCode' | 'latency'>;

export interface TrafficCounters {
  /** By status code, e.g. `{ '200': 12, '503': 3 }`; TCP services have none. */
  requestsByCode: Record<string, number>;
  latency: LatencyHistogram;
  connections: number;
  tlsHandshakes: number;
  /** Payload to and from the app; what a TCP service (PostgreSQL behind a connection pool) has instead of requests. */
  bytesSent?: number;
  bytesReceived?: number;
}

export interface OutboundCounters extends TrafficCounters {
  /** Service name of the destination. */
  destination: string;
  attempts: number;
  retries: number;
  retrySuccesses: number;
  retriesExhausted: number;
  /** Retries that the circuit breaker refused: its own assertion. */
  retryOverflow: number;
  timeouts: number;
  /** Envoy counter of HTTP connections vs raw TCP: a TCP destination has no requests. */
  bytesSent: number;
  bytesReceived: number;
  healthyEndpoints: number;
  endpoints: number;
}

/**
 * Cumulative counts at ascending upper bounds in milliseconds (`Infinity` last). `exact` when the bounds are those of a
 * detailed or native histogram (a quantile is a point); otherwise a quantile is only known to lie in its bucket.
 */
export interface LatencyHistogram {
  exact: boolean;
  upperBoundsMs: number[];
  cumulative: number[];
  sumMs: number;
}

export interface Saturation {
  memoryBytes: number;
  activeConnections: number;
  activeRequests: number;
  pendingOverflow: number;
  circuitBreakerOpen: number;
}
