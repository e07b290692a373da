import type { ProxyDelta } from './delta.ts';
import { attemptsTo, edgeFigures, serviceFigures, type TrafficFigures } from './figures.ts';
import type { LoadFigures } from './golden.ts';
import { quantile } from './histogram.ts';

/** One comparison of two independent counts of the same thing. */
export interface Comparison {
  what: string;
  /** Who said what, with numbers, for a report. */
  observed: string;
  allowed: string;
  holds: boolean;
}

/** `invalid`: somebody's metrics are missing, so nothing is confirmed; `fail`: two reporters contradict each other. */
export interface Reconciliation {
  status: 'pass' | 'fail' | 'invalid';
  comparisons: Comparison[];
  problems: string[];
}

export interface ReconcileOptions {
  /** For messages, e.g. `load -> trips`. */
  edge: string;
  load: LoadFigures | undefined;
  /** Proxies of the load's pods, towards the service. */
  client: TrafficFigures | undefined;
  /** Proxies of the service. */
  server: TrafficFigures | undefined;
  /** Attempts every meshed caller sent to the service: what the server should have counted. */
  attempts: number;
  /** Reasons why metrics of proxies on this edge are missing; not empty makes it inconclusive. */
  missing?: readonly string[];
  /** Relative, for counts and success. Default 0.05. */
  countTolerance?: number;
  /** Relative, for quantiles of exact histograms. Default 0.10. */
  quantileTolerance?: number;
  /** What the way from k6 to its own proxy and Envoy's cutting to whole milliseconds may add. Default 2 ms. */
  hopMs?: number;
}

/**
 * Do the caller (k6), its proxy and the server's proxy tell the same story? Requests k6 to client proxy, success rate
 * likewise, attempts to the server's requests, and p50, p95 and p99 of k6 against the client proxy's histogram: a point
 * within the tolerance for exact histograms, else inside the interval. For phases without client timeouts: a cancelled
 * attempt has no answer to count at the server.
 */
export function reconcile(options: ReconcileOptions): Reconciliation {
  const { edge, load, client, server, attempts, countTolerance = 0.05, quantileTolerance = 0.1, hopMs = 2 } = options;
  const problems = (options.missing ?? []).map((reason) => `${edge}: metrics are missing: ${reason}`);
  if (!load || load.requests === 0) problems.push(`${edge}: k6 has no samples`);
  if (!client) problems.push(`${edge}: no metrics of the client's proxy`);
  if (!server) problems.push(`${edge}: no metrics of the server's proxy`);
  if (!load || load.requests === 0 || !client || !server || problems.length > 0)
    return { status: 'invalid', comparisons: [], problems };

  const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;
  const counts = (what: string, a: [string, number], b: [string, number]): Comparison => ({
    what,
    observed: `${a[0]} ${a[1]}, ${b[0]} ${b[1]}`,
    allowed: `within ${percent(countTolerance)}`,
    holds: Math.abs(a[1] - b[1]) <= countTolerance * Math.max(a[1], b[1]),
  });
  const comparisons: Comparison[] = [
    counts('requests', ['k6', load.requests], ["client's proxy", client.requests]),
    counts('attempts', ["callers' proxies", attempts], ["server's proxy", server.requests]),
    {
      what: 'success rate',
      observed: `k6 ${percent(load.successRate)}, client's proxy ${client.successRate === null ? 'none' : percent(client.successRate)}`,
      allowed: `within ${percent(countTolerance)}`,
      holds:
        client.successRate !== null &&
        Math.abs(load.successRate - client.successRate) <=
          countTolerance * Math.max(load.successRate, client.successRate),
    },
    ...(
      [
        ['p50', 0.5, load.p50Ms],
        ['p95', 0.95, load.p95Ms],
        ['p99', 0.99, load.p99Ms],
      ] as const
    ).map(([what, q, valueMs]) =>
      compareQuantile({ what, q, valueMs, requests: load.requests, client, quantileTolerance, hopMs }),
    ),
  ];
  const broken = comparisons.filter(({ holds }) => !holds);
  return {
    status: broken.length > 0 ? 'fail' : 'pass',
    comparisons,
    problems: broken.map(
      ({ what, observed, allowed }) => `${edge}: ${what} disagree: ${observed} (allowed: ${allowed})`,
    ),
  };
}

/** `reconcile` for one edge out of all proxies' deltas. */
export function reconcileEdge(options: {
  source: string;
  destination: string;
  load: LoadFigures | undefined;
  deltas: readonly ProxyDelta[];
  /** As `snapshotDeltas` tells them. */
  problems?: readonly string[];
}): Reconciliation {
  const { source, destination, deltas, load, problems = [] } = options;
  return reconcile({
    edge: `${source} -> ${destination}`,
    load,
    client: edgeFigures(deltas, source, destination),
    server: serviceFigures(deltas, destination),
    attempts: attemptsTo(deltas, destination),
    missing: problems.filter((problem) => problem.startsWith(`${source}/`) || problem.startsWith(`${destination}/`)),
  });
}

/** Ranks may differ by the requests only one of the two saw (at most this share) and by the rule of interpolation. */
const maxRankSlack = 0.005;

function compareQuantile(options: {
  what: string;
  q: number;
  valueMs: number;
  requests: number;
  client: TrafficFigures;
  quantileTolerance: number;
  hopMs: number;
}): Comparison {
  const { what, q, valueMs, requests, client, quantileTolerance, hopMs } = options;
  const slack = Math.min(maxRankSlack, Math.abs(requests - client.requests) / requests) + 1 / requests;
  const low = quantile(client.latency, Math.max(0, q - slack));
  const high = quantile(client.latency, Math.min(1, q + slack));
  if (!low || !high)
    return { what, observed: `k6 ${ms(valueMs)}, client's proxy none`, allowed: 'a latency histogram', holds: false };
  if (low.pointMs === undefined || high.pointMs === undefined) {
    // k6 stands outside its proxy: its value may be later by the hop, never earlier.
    return {
      what,
      observed: `k6 ${ms(valueMs)}, client's proxy between ${ms(low.lowMs)} and ${ms(high.highMs)} (fixed buckets)`,
      allowed: `inside the interval, ${hopMs} ms for the hop`,
      holds: valueMs >= low.lowMs && valueMs <= high.highMs + hopMs,
    };
  }
  const margin = (pointMs: number): number => Math.max(hopMs, quantileTolerance * pointMs);
  return {
    what,
    observed: `k6 ${ms(valueMs)}, client's proxy ${ms(quantile(client.latency, q)!.pointMs!)}`,
    allowed: `within ${Math.round(quantileTolerance * 100)} % or ${hopMs} ms`,
    holds: valueMs >= low.pointMs - margin(low.pointMs) && valueMs <= high.pointMs + margin(high.pointMs),
  };
}

function ms(value: number): string {
  return Number.isFinite(value) ? `${Math.round(value * 10) / 10} ms` : 'infinity';
}
