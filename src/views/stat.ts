import { table } from '../base/table.ts';
import { goldenSignals, type GoldenSignals } from '../observe/telemetry/golden.ts';
import { bytesText } from '../report/html/words.ts';
import type { Quantiles } from '../report/signal-text.ts';
import { latency, none, quantilesOf, rate, share } from './cells.ts';
import type { SeenPod } from './seen-pods.ts';
import type { Traffic } from './watch-traffic.ts';

/** What came in at a service, or at one of its pods, as its own proxies counted it. Null: nothing was measured. */
export interface StatRow extends Quantiles {
  /** The service, or `service/pod`. */
  id: string;
  service: string;
  pod?: string;
  /** Pods with a sidecar, of all that live. */
  meshedPods: number;
  pods: number;
  /** Null without traffic. */
  protocol: 'http' | 'tcp' | null;
  /** Requests a second; null for TCP. */
  rps: number | null;
  /** 0..1: answers below 500; null without requests. */
  successRate: number | null;
  /** Open now at the proxies, of callers and of the app itself. */
  openConnections: number | null;
  bytesPerSecond: number | null;
}

/** Pure. @param by a row for each service, or for each pod */
export function statRows(
  pods: readonly SeenPod[],
  { deltas, after }: Pick<Traffic, 'deltas' | 'after'>,
  by: 'service' | 'pod',
): StatRow[] {
  const named = pods.map((pod) => ({
    ...pod,
    // What the mesh calls it is what its callers' proxies count for.
    service: after.find(({ podUid }) => podUid === pod.ref.uid)?.service || pod.service,
  }));
  const groups = new Map<string, SeenPod[]>();
  for (const pod of named) {
    const key = by === 'service' ? pod.service : `${pod.service}/${pod.ref.name}`;
    groups.set(key, [...(groups.get(key) ?? []), pod]);
  }
  return [...groups].map(([id, group]): StatRow => {
    const [{ service, ref }] = group as [SeenPod];
    const own = deltas.filter(({ podUid }) => group.some((pod) => pod.ref.uid === podUid));
    const signals = goldenSignals({ scenario: '', arm: '', phase: '', deltas: own });
    return {
      ...{ id, service },
      ...(by === 'pod' && { pod: ref.name }),
      meshedPods: group.filter(({ meshed }) => meshed).length,
      pods: group.length,
      ...figures(signals.find(({ reporter }) => reporter === 'server-proxy')),
    };
  });
}

type Figures = Omit<StatRow, 'id' | 'service' | 'pod' | 'meshedPods' | 'pods'>;

function figures(signals: GoldenSignals | undefined): Figures {
  if (signals === undefined) {
    const unknown = { protocol: null, rps: null, successRate: null, openConnections: null, bytesPerSecond: null };
    return { ...unknown, p50Ms: null, p95Ms: null, p99Ms: null };
  }
  const { protocol, rps, successRate, saturation } = signals;
  const bytes = saturation['bytesPerSecond'] ?? 0;
  const http = protocol === 'http';
  return {
    protocol: http && successRate === null ? null : protocol,
    rps: http ? rps : null,
    successRate,
    ...quantilesOf(signals),
    openConnections: saturation['activeConnections'] ?? null,
    bytesPerSecond: bytes,
  };
}

export function statTable(rows: readonly StatRow[]): string {
  const perPod = rows.some(({ pod }) => pod !== undefined);
  return table([
    ['SERVICE', ...(perPod ? ['POD'] : []), 'MESHED', 'SUCCESS', 'RPS', 'P50', 'P95', 'P99', 'TCP_CONN', 'BYTES/S'],
    ...rows.map((row) => [
      row.service,
      ...(perPod ? [row.pod ?? none] : []),
      `${row.meshedPods}/${row.pods}`,
      share(row.successRate),
      rate(row.rps),
      latency(row, 'p50'),
      latency(row, 'p95'),
      latency(row, 'p99'),
      row.openConnections === null ? none : String(row.openConnections),
      row.bytesPerSecond ? bytesText(Math.round(row.bytesPerSecond)) : none,
    ]),
  ]);
}
