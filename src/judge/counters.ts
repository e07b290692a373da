import { snapshotDeltas } from '../observe/telemetry/delta.ts';
import { countOf, emptyHistogram, mergeHistograms } from '../observe/telemetry/histogram.ts';
import type {
  LatencyHistogram,
  MeshTraffic,
  OutboundCounters,
  ProxySnapshot,
  TrafficCounters,
} from '../observe/telemetry/snapshot.ts';
import type { EvidencePath } from '../evidence/path.ts';
import type { EvidenceReader } from '../evidence/reader.ts';

/** Two `proxy-<phase>.json` files (ProxySnapshot[]) and whose counters count: summed over the pods of the service. */
export interface ProxySelection {
  before: EvidencePath;
  after: EvidencePath;
  /** Whose proxy, by service name (of the load client: its own name). */
  service: string;
  /** Outbound: what this service's proxy counted towards that destination. Not given: inbound. */
  destination?: string;
}

type OutboundNumber = {
  [Key in keyof OutboundCounters]: OutboundCounters[Key] extends number ? Key : never;
}[keyof OutboundCounters];

/** `requests`: all of them; `{ code: 504 }`: with this status; otherwise a counter of the outbound side. */
export type CounterName = 'requests' | { code: number } | { codeClass: 2 | 3 | 4 | 5 } | OutboundNumber;

/** What a service's proxies counted between two looks. */
export interface CounterDelta {
  of(counter: CounterName): number;
  latency: LatencyHistogram;
  pods: number;
}

/**
 * @returns the difference, or why nothing can be said: a pod is missing from one look, its proxy restarted, or a
 * counter went backwards.
 */
export async function counterDelta(
  selection: ProxySelection,
  evidence: EvidenceReader,
): Promise<CounterDelta | { problem: string }> {
  const { service, destination } = selection;
  const [before, after] = await Promise.all(
    [selection.before, selection.after].map(async (path) =>
      (await readSnapshots(path, evidence)).filter((snapshot) => snapshot.service === service),
    ),
  );
  const { deltas, problems } = snapshotDeltas(before ?? [], after ?? []);
  const [problem] = problems;
  if (problem !== undefined) return { problem };
  if (deltas.length === 0) return { problem: `no proxy of ${service} in ${selection.after}` };
  // A destination that was never called is not in the snapshot: zero, not an error.
  const sides = deltas.map(({ inbound, outbound }): Side | undefined =>
    destination === undefined ? inbound : outbound.find((side) => side.destination === destination),
  );
  return {
    of: (counter) => sides.reduce((sum, side) => sum + (side === undefined ? 0 : value(side, counter)), 0),
    latency: mergeHistograms(sides.map((side) => side?.latency ?? emptyHistogram())),
    pods: deltas.length,
  };
}

/** JSON has no Infinity: the last bound of a histogram comes back as null. */
export async function readSnapshots(path: EvidencePath, evidence: EvidenceReader): Promise<ProxySnapshot[]> {
  const snapshots = await evidence.json<ProxySnapshot[]>(path);
  const mend = <T extends MeshTraffic>(traffic: T): T => ({
    ...traffic,
    latency: {
      ...traffic.latency,
      upperBoundsMs: traffic.latency.upperBoundsMs.map((bound: number | null) => bound ?? Infinity),
    },
  });
  return snapshots.map((snapshot) => ({
    ...snapshot,
    inbound: mend(snapshot.inbound),
    outbound: snapshot.outbound.map(mend),
    ...(snapshot.meshMetrics && {
      meshMetrics: {
        inbound: mend(snapshot.meshMetrics.inbound),
        outbound: snapshot.meshMetrics.outbound.map(mend),
      },
    }),
  }));
}

export function counterText(counter: CounterName): string {
  if (typeof counter === 'string') return counter;
  return 'code' in counter ? `answers ${counter.code}` : `answers ${counter.codeClass}xx`;
}

type Side = TrafficCounters & Partial<OutboundCounters>;

function value(side: Side, counter: CounterName): number {
  const codes = Object.entries(side.requestsByCode);
  const sum = (wanted: (code: string) => boolean): number =>
    codes.reduce((total, [code, n]) => (wanted(code) ? total + n : total), 0);
  if (counter === 'requests') return codes.length > 0 ? sum(() => true) : countOf(side.latency);
  if (typeof counter === 'string') return side[counter] ?? 0;
  return 'code' in counter
    ? sum((code) => code === String(counter.code))
    : sum((code) => code.startsWith(String(counter.codeClass)));
}
