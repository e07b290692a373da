import { startJitterMs } from '../observe/telemetry/delta.ts';
import { countOf, deltaHistogram, emptyHistogram, mergeHistograms } from '../observe/telemetry/histogram.ts';
import type {
  LatencyHistogram,
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

type Side = TrafficCounters & Partial<OutboundCounters>;

/**
 * @returns the difference, or why nothing can be said: a pod is missing from one look, its proxy restarted, or a
 * counter went backwards.
 */
export async function counterDelta(
  selection: ProxySelection,
  evidence: EvidenceReader,
): Promise<CounterDelta | { problem: string }> {
  const [before, after] = await Promise.all([
    readSnapshots(selection.before, evidence),
    readSnapshots(selection.after, evidence),
  ]);
  const old = new Map(before.filter(ofService(selection)).map((snapshot) => [snapshot.podUid, snapshot]));
  const now = after.filter(ofService(selection));
  if (now.length === 0) return { problem: `no proxy of ${selection.service} in ${selection.after}` };
  const pairs: { was: Side; is: Side }[] = [];
  for (const snapshot of now) {
    const earlier = old.get(snapshot.podUid);
    if (!earlier) return { problem: `${snapshot.pod} was not there at the first look` };
    if (Math.abs(earlier.startedAt - snapshot.startedAt) > startJitterMs)
      return { problem: `the proxy of ${snapshot.pod} restarted in between` };
    pairs.push({ was: side(earlier, selection), is: side(snapshot, selection) });
    old.delete(snapshot.podUid);
  }
  const gone = [...old.values()][0];
  if (gone) return { problem: `${gone.pod} was gone at the second look` };
  const histograms = pairs.map(({ was, is }) => deltaHistogram(was.latency, is.latency));
  if (histograms.includes(undefined)) return { problem: `a latency histogram of ${selection.service} went backwards` };
  return {
    of: (counter) => pairs.reduce((sum, { was, is }) => sum + value(is, counter) - value(was, counter), 0),
    latency: mergeHistograms(histograms as LatencyHistogram[]),
    pods: now.length,
  };
}

/** JSON has no Infinity: the last bound of a histogram comes back as null. */
export async function readSnapshots(path: EvidencePath, evidence: EvidenceReader): Promise<ProxySnapshot[]> {
  const snapshots = await evidence.json<ProxySnapshot[]>(path);
  const mend = <T extends TrafficCounters>(traffic: T): T => ({
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
  }));
}

export function counterText(counter: CounterName): string {
  if (typeof counter === 'string') return counter;
  return 'code' in counter ? `answers ${counter.code}` : `answers ${counter.codeClass}xx`;
}

function ofService({ service }: ProxySelection): (snapshot: ProxySnapshot) => boolean {
  return (snapshot) => snapshot.service === service;
}

const nothing: Side = { requestsByCode: {}, latency: emptyHistogram(), connections: 0, tlsHandshakes: 0 };

/** A destination that was never called is not in the snapshot yet: zero, not an error. */
function side(snapshot: ProxySnapshot, { destination }: ProxySelection): Side {
  if (destination === undefined) return snapshot.inbound;
  return snapshot.outbound.find((outbound) => outbound.destination === destination) ?? nothing;
}

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
