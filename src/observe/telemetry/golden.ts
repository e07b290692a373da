import type { ProxyDelta } from './delta.ts';
import { edgeFigures, serviceFigures, type TrafficFigures } from './figures.ts';
import { countOf, quantile, quantilePoint } from './histogram.ts';

/** Latency, traffic, errors, saturation of one edge or service in one phase. Same shape as `signals[]` of report.json. */
export interface GoldenSignals {
  scenario: string;
  arm: string;
  phase: string;
  /** `*` where a server's proxy does not tell its callers apart. */
  source: string;
  destination: string;
  reporter: 'client-proxy' | 'server-proxy' | 'k6';
  protocol: 'http' | 'tcp';
  /** Requests a second; connections opened a second for TCP (see `saturation.bytesPerSecond` for its traffic). */
  rps: number;
  /** 0..1; null for TCP and without requests. */
  successRate: number | null;
  errorsPerSecond: number;
  /** Null without samples, and where the proxy has fixed buckets only: see `intervalsMs`. */
  p50Ms: number | null;
  p95Ms: number | null;
  p99Ms: number | null;
  saturation: Record<string, number>;
  /** The proxies counted TLS handshakes; not a proof. */
  tls: boolean;
  /** Bucket each quantile lies in; an upper end of null is open. */
  intervalsMs?: Record<'p50' | 'p95' | 'p99', [number, number | null]> | undefined;
}

export interface GoldenSignalsOptions {
  scenario: string;
  arm: string;
  phase: string;
  deltas: readonly ProxyDelta[];
}

/** One row per caller and destination (client's proxy), and one per service (server's proxy), summed over replicas. */
export function goldenSignals({ deltas, ...context }: GoldenSignalsOptions): GoldenSignals[] {
  const services = [...new Set(deltas.map(({ service }) => service))].sort();
  return services.flatMap((service) => {
    const own = deltas.filter((delta) => delta.service === service);
    const destinations = [
      ...new Set(own.flatMap(({ outbound }) => outbound.map(({ destination }) => destination))),
    ].sort();
    const edges = destinations.map((destination) => {
      const outbound = own.flatMap((delta) => delta.outbound.filter((out) => out.destination === destination));
      const total = (pick: (out: (typeof outbound)[number]) => number): number =>
        outbound.reduce((all, out) => all + pick(out), 0);
      return row(
        { ...context, source: service, destination, reporter: 'client-proxy' },
        edgeFigures(deltas, service, destination)!,
        {
          attempts: total((out) => out.attempts),
          retries: total((out) => out.retries),
          retryOverflow: total((out) => out.retryOverflow),
          timeouts: total((out) => out.timeouts),
          // Each replica sees the same endpoints: the worst view, not a sum.
          healthyEndpoints: Math.min(...outbound.map((out) => out.healthyEndpoints)),
          endpoints: Math.max(...outbound.map((out) => out.endpoints)),
        },
      );
    });
    const inbound = row(
      { ...context, source: '*', destination: service, reporter: 'server-proxy' },
      serviceFigures(deltas, service)!,
      {
        replicas: own.length,
      },
    );
    return [...edges, inbound].map((signals) => ({
      ...signals,
      saturation: { ...signals.saturation, ...proxySaturation(own) },
    }));
  });
}

/** Figures of a window as k6 saw them; quantiles in ms, NaN without samples. */
export interface LoadFigures {
  requests: number;
  rps: number;
  errorsPerSecond: number;
  successRate: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  dropped: number;
}

/** The caller's own row beside the proxies'. */
export function loadSignals(options: {
  scenario: string;
  arm: string;
  phase: string;
  source: string;
  destination: string;
  load: LoadFigures;
}): GoldenSignals {
  const { load, ...context } = options;
  const some = load.requests > 0;
  return {
    ...context,
    reporter: 'k6',
    protocol: 'http',
    rps: load.rps,
    successRate: some ? load.successRate : null,
    errorsPerSecond: load.errorsPerSecond,
    p50Ms: some ? load.p50Ms : null,
    p95Ms: some ? load.p95Ms : null,
    p99Ms: some ? load.p99Ms : null,
    saturation: { droppedIterations: load.dropped },
    tls: false,
  };
}

type Context = Pick<GoldenSignals, 'scenario' | 'arm' | 'phase' | 'source' | 'destination' | 'reporter'>;

function row(context: Context, figures: TrafficFigures, saturation: Record<string, number>): GoldenSignals {
  const tcp = !figures.http && (figures.connections > 0 || figures.bytes > 0);
  const { latency } = figures;
  const interval = (q: number): [number, number | null] => {
    const { lowMs, highMs } = quantile(latency, q)!;
    return [lowMs, Number.isFinite(highMs) ? highMs : null];
  };
  return {
    ...context,
    protocol: tcp ? 'tcp' : 'http',
    rps: rounded(tcp ? figures.connectionsPerSecond : figures.rps),
    successRate: tcp ? null : figures.successRate,
    errorsPerSecond: rounded(figures.errorsPerSecond),
    p50Ms: quantilePoint(latency, 0.5),
    p95Ms: quantilePoint(latency, 0.95),
    p99Ms: quantilePoint(latency, 0.99),
    saturation: { ...saturation, bytesPerSecond: rounded(figures.bytesPerSecond) },
    tls: figures.tls,
    ...(countOf(latency) > 0 ? { intervalsMs: { p50: interval(0.5), p95: interval(0.95), p99: interval(0.99) } } : {}),
  };
}

function proxySaturation(deltas: readonly ProxyDelta[]): Record<string, number> {
  const of = (pick: (saturation: ProxyDelta['saturation']) => number): number[] =>
    deltas.map(({ saturation }) => pick(saturation));
  const add = (values: number[]): number => values.reduce((all, value) => all + value, 0);
  return {
    memoryBytes: Math.max(...of(({ memoryBytes }) => memoryBytes)),
    activeConnections: add(of(({ activeConnections }) => activeConnections)),
    activeRequests: add(of(({ activeRequests }) => activeRequests)),
    pendingOverflow: add(of(({ pendingOverflow }) => pendingOverflow)),
    circuitBreakerOpen: Math.max(...of(({ circuitBreakerOpen }) => circuitBreakerOpen)),
  };
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
