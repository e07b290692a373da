import { count, milliseconds, percent } from '../../base/words.ts';
import type { EvidenceReader } from '../../evidence/reader.ts';
import { snapshotDeltas } from '../../observe/telemetry/delta.ts';
import {
  countOf,
  deltaHistogram,
  emptyHistogram,
  mergeHistograms,
  quantile as histogramQuantile,
} from '../../observe/telemetry/histogram.ts';
import type { LatencyHistogram, MeshTraffic, ProxySnapshot } from '../../observe/telemetry/snapshot.ts';
import { readSnapshots, type ProxySelection } from '../counters.ts';
import { invalid, passIf, type Outcome, type RulesFor } from '../rule.ts';

export interface MeshMetricsRules {
  /**
   * Between two looks the mesh's own metrics count the same answers as its proxies' counters, code by code, but for what was in
   * flight at the looks and `share` of the larger, for what ended between the two readings of a look. And their latencies lie where
   * the proxies' do: within the bucket, or `latencyShare` or the quantile's slack beside it.
   */
  'mesh-metrics-agree': ProxySelection & {
    share: number;
    latencyShare: number;
    quantiles: { quantile: number; slackMs: number }[];
  };
}

interface Told {
  requestsByCode: Record<string, number>;
  latency: LatencyHistogram;
}

/**
 * Both histograms are brought up to date every few seconds, and maybe between their readings: one may have more samples, and the
 * rank of a quantile lies a little elsewhere. More than this share widens nothing.
 */
const maxRanksApart = 0.05;

const nothing: MeshTraffic = { requestsByCode: {}, latency: emptyHistogram(false) };

export const meshMetricsRules: RulesFor<MeshMetricsRules> = {
  'mesh-metrics-agree': {
    expected: ({ share, latencyShare, quantiles }) =>
      `the same answers by the mesh’s own metrics and by its proxies’ counters, but for what was in flight and ${percent(share)}; ${quantiles.map(({ quantile }) => `p${quantile * 100}`).join(' and ')} within ${percent(latencyShare)} of the same bucket`,
    judge: async (inputs, evidence) => {
      const seen = await both(inputs, evidence);
      if ('problem' in seen) return invalid(seen.problem);
      const { mesh, proxy, inFlight } = seen;
      const [told, counted] = [total(mesh), total(proxy)];
      const text = `the mesh’s metrics ${count(told)}, its proxies’ counters ${count(counted)}, ${count(inFlight)} in flight`;
      if (told === 0 && counted === 0) return invalid(`${text}: nothing to compare`);
      const apart = [...new Set([...Object.keys(mesh.requestsByCode), ...Object.keys(proxy.requestsByCode)])]
        .filter(isFinal)
        .sort()
        .flatMap((code) => {
          const [a, b] = [mesh.requestsByCode[code] ?? 0, proxy.requestsByCode[code] ?? 0];
          return Math.abs(a - b) <= inFlight + Math.ceil(inputs.share * Math.max(a, b))
            ? []
            : [`${count(a)} and ${count(b)} of status ${code}`];
        });
      if (apart.length > 0) return invalid(`${text}: ${apart.join(', ')}: the sources disagree`);
      return latencies(inputs, seen, text);
    },
  },
};

/** Informational answers are no final ones: Envoy counts a 100 beside the answer that follows it. */
function isFinal(code: string): boolean {
  return /^[2-5]\d\d$/.test(code);
}

function total({ requestsByCode }: Told): number {
  return Object.entries(requestsByCode).reduce((sum, [code, n]) => (isFinal(code) ? sum + n : sum), 0);
}

function latencies(
  { latencyShare, quantiles }: MeshMetricsRules['mesh-metrics-agree'],
  { mesh, proxy }: Seen,
  text: string,
): Outcome {
  const [a, b] = [countOf(mesh.latency), countOf(proxy.latency)];
  if (b === 0) return invalid(`${text}; its proxies have no latency samples`);
  if (a === 0) return passIf(true, `${text}; durations are not among them`);
  const ranks = Math.min(Math.abs(a - b) / Math.max(a, b), maxRanksApart) + 1 / Math.min(a, b);
  const parts: string[] = [];
  for (const { quantile, slackMs } of quantiles) {
    const own = histogramQuantile(proxy.latency, quantile);
    const low = histogramQuantile(mesh.latency, Math.max(0, quantile - ranks));
    const high = histogramQuantile(mesh.latency, Math.min(1, quantile + ranks));
    if (own === undefined || low === undefined || high === undefined) return invalid(`${text}: no p${quantile * 100}`);
    const point = own.pointMs ?? own.highMs;
    const slack = (ms: number): number => Math.max(ms * latencyShare, slackMs);
    const name = `p${quantile * 100} ${milliseconds(point)} by the proxies`;
    const bucket = `${milliseconds(low.lowMs)} to ${Number.isFinite(high.highMs) ? milliseconds(high.highMs) : 'more'} by the mesh`;
    if (point < low.lowMs - slack(low.lowMs) || point > high.highMs + slack(high.highMs))
      return invalid(`${text}; ${name}, ${bucket}: the sources disagree`);
    parts.push(`${name}, ${bucket}`);
  }
  return passIf(true, [text, ...parts].join('; '));
}

interface Seen {
  mesh: Told;
  proxy: Told;
  /** Requests that a look came upon in the middle. */
  inFlight: number;
}

async function both(
  { before, after, service, destination }: ProxySelection,
  evidence: EvidenceReader,
): Promise<Seen | { problem: string }> {
  const ofService = async (path: ProxySelection['before']): Promise<ProxySnapshot[]> =>
    (await readSnapshots(path, evidence)).filter((snapshot) => snapshot.service === service);
  const [first, last] = await Promise.all([ofService(before), ofService(after)]);
  const { deltas, problems } = snapshotDeltas(first, last);
  const [problem] = problems;
  if (problem !== undefined) return { problem };
  if (deltas.length === 0) return { problem: `no proxy of ${service} in ${after}` };
  const mesh: Told[] = [];
  for (const now of last) {
    if (now.meshMetrics === undefined)
      return { problem: `the proxy of ${service}/${now.pod} keeps no metrics of the mesh` };
    const was = first.find(({ podUid }) => podUid === now.podUid);
    const delta = difference(side(was, destination), side(now, destination));
    if (delta === undefined)
      return { problem: `the mesh’s metrics of ${service}/${now.pod} went back: they were dropped in between` };
    mesh.push(delta);
  }
  return {
    mesh: sum(mesh),
    proxy: sum(
      deltas.map(({ inbound, outbound }) =>
        destination === undefined ? inbound : (outbound.find((each) => each.destination === destination) ?? nothing),
      ),
    ),
    inFlight: [...first, ...last].reduce((all, { saturation }) => all + saturation.activeRequests, 0),
  };
}

/** Nothing is counted of who was never called. */
function side(snapshot: ProxySnapshot | undefined, destination: string | undefined): MeshTraffic {
  const { inbound = nothing, outbound = [] } = snapshot?.meshMetrics ?? {};
  return destination === undefined ? inbound : (outbound.find((each) => each.destination === destination) ?? nothing);
}

/** Undefined where a count went back. */
function difference(was: MeshTraffic, now: MeshTraffic): Told | undefined {
  const latency = deltaHistogram(was.latency, now.latency);
  const codes = [...new Set([...Object.keys(was.requestsByCode), ...Object.keys(now.requestsByCode)])];
  const grown = codes.map((code) => [code, (now.requestsByCode[code] ?? 0) - (was.requestsByCode[code] ?? 0)] as const);
  if (latency === undefined || grown.some(([, n]) => n < 0)) return undefined;
  return { requestsByCode: Object.fromEntries(grown), latency };
}

function sum(all: readonly Told[]): Told {
  const requestsByCode: Record<string, number> = {};
  for (const each of all)
    for (const [code, n] of Object.entries(each.requestsByCode)) requestsByCode[code] = (requestsByCode[code] ?? 0) + n;
  // One without samples has no bounds that count.
  const measured = all.map(({ latency }) => latency).filter((latency) => countOf(latency) > 0);
  return { requestsByCode, latency: mergeHistograms(measured) };
}
