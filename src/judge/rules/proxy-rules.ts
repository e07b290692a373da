import { quantile } from '../../base/quantile.ts';
import { countOf, quantile as histogramQuantile } from '../../observe/telemetry/histogram.ts';
import type { LoadSample } from '../../load/load.ts';
import { appRequests, type AppSelection } from '../app-counters.ts';
import { counterDelta, counterText, readSnapshots, type CounterName, type ProxySelection } from '../counters.ts';
import type { EvidenceReader } from '../../evidence/reader.ts';
import { invalid, passIf, type Outcome, type RulesFor } from '../rule.ts';
import { count, milliseconds, percent, plural, some } from '../../base/words.ts';
import { unlessBusy, type MachineSelection } from '../machine.ts';
import { readLedger, type LedgerSelection } from './ledger-rules.ts';
import { selectSamples, type LoadSelection } from '../select-samples.ts';

/** A number that one source knows. */
export type CountSource =
  | { from: 'load'; count: LoadCount; select: LoadSelection }
  | { from: 'ledger'; count: 'attempts' | 'requests' | 'injected' | 'recovered'; select: LedgerSelection }
  | { from: 'proxy'; count: CounterName; select: ProxySelection }
  /** What the service itself counts, past every proxy. */
  | { from: 'app'; select: AppSelection }
  /** What several count together, e.g. the attempts of every caller of a service. */
  | { from: 'all'; of: CountSource[] };

/** What k6 saw: all requests, those whose checks held, or those answered with a status. */
export type LoadCount = 'requests' | 'successes' | { status: number };

export interface SignalBounds {
  minRequests: number;
  minSuccessRate?: number;
  maxP99Ms?: number;
}

export interface SignalSelection extends Pick<ProxySelection, 'before' | 'after'> {
  http: string[];
  tcp: string[];
  bounds: SignalBounds;
  machine?: MachineSelection | undefined;
}

export interface ProxyRules {
  /** A counter grew by at least / at most this much between two looks. */
  'counter-delta': ProxySelection & { counter: CounterName; atLeast?: number; atMost?: number };
  /** Two independent sources tell the same number, `share` apart at most (of the larger); else nobody knows which is right. */
  'counts-within': { a: CountSource; b: CountSource; share: number };
  /**
   * Three or more sources tell the same number. One that is off while the others agree is proven wrong: if it is a proxy, its
   * figures are not to be trusted (`fail`); if it is a witness (k6, ledger, the service), the proxies stand.
   */
  'counts-agree': { sources: CountSource[]; share: number };
  /** Two sources tell the same success rate, `share` apart at most (absolute). */
  'success-within': {
    a: { good: CountSource; all: CountSource };
    b: { good: CountSource; all: CountSource };
    share: number;
  };
  /**
   * k6's quantile agrees with the proxy's: within `share` (or `slackMs`) of an exact histogram's point, else inside its
   * bucket. Either may be off by the ranks of requests that only one of them saw, and by one for its own rounding.
   */
  'quantile-within': { load: LoadSelection; proxy: ProxySelection; quantile: number; share: number; slackMs?: number };
  /**
   * Each service has traffic, a latency distribution, a success rate (HTTP) and saturation, and is within bounds. Inbound
   * side. Too little traffic is `invalid`; so is, with `machine`, nothing but slowness on a busy machine.
   */
  'golden-signals-within': SignalSelection;
  /** For controls: at least one of the services is out of bounds. */
  'golden-signals-breached': SignalSelection;
}

async function read(
  source: CountSource,
  evidence: EvidenceReader,
): Promise<{ n: number; text: string } | { problem: string }> {
  if (source.from === 'load') {
    const samples = await selectSamples(source.select, evidence);
    const n = samples.filter((sample) => isCounted(sample, source.count)).length;
    const what = typeof source.count === 'string' ? source.count : `status ${source.count.status}`;
    return { n, text: `k6 ${what} ${count(n)}` };
  }
  if (source.from === 'ledger') {
    const n = (await readLedger(source.select, evidence))[source.count];
    return { n, text: `ledger ${source.count} ${count(n)}` };
  }
  if (source.from === 'app') {
    const told = await appRequests(source.select, evidence);
    return 'problem' in told ? told : { n: told.n, text: `${source.select.service} itself ${count(told.n)}` };
  }
  if (source.from === 'all') {
    let n = 0;
    const texts: string[] = [];
    for (const part of source.of) {
      const one = await read(part, evidence);
      if ('problem' in one) return one;
      n += one.n;
      texts.push(one.text);
    }
    return { n, text: texts.join(' + ') };
  }
  const delta = await counterDelta(source.select, evidence);
  if ('problem' in delta) return delta;
  const n = delta.of(source.count);
  return { n, text: `proxy of ${source.select.service} ${counterText(source.count)} ${count(n)}` };
}

function isProxy(source: CountSource): boolean {
  return source.from === 'all' ? source.of.every(isProxy) : source.from === 'proxy';
}

function isCounted(sample: LoadSample, what: LoadCount): boolean {
  if (what === 'requests') return true;
  return what === 'successes' ? sample.ok : sample.status === what.status;
}

async function rate(
  source: { good: CountSource; all: CountSource },
  evidence: EvidenceReader,
): Promise<{ n: number; text: string } | { problem: string }> {
  const good = await read(source.good, evidence);
  const all = await read(source.all, evidence);
  if ('problem' in good) return good;
  if ('problem' in all) return all;
  if (all.n === 0) return { problem: `${all.text}: no rate` };
  return { n: good.n / all.n, text: `${percent(good.n / all.n)} (${good.text} of ${count(all.n)})` };
}

/** Share of ranks by which two lists of the same latencies may differ: one for rounding, and what only one of them saw. */
function rankSlack(samples: number, counted: number): number {
  const onlyOne = Math.abs(samples - counted) / samples;
  return Math.min(onlyOne, maxOnlyOne) + 1 / samples;
}

/** More than this share is for `counts-within` to judge, and widens nothing. */
const maxOnlyOne = 0.005;

/** One line per service that is out of bounds (`slow`: in time only), and what cannot be told: too little traffic among it. */
async function breaches(
  inputs: SignalSelection,
  evidence: EvidenceReader,
): Promise<{ breached: string[]; slow: string[]; unknown: string[]; seen: string }> {
  const { bounds } = inputs;
  const breached: string[] = [];
  const slow: string[] = [];
  const unknown: string[] = [];
  const connected: string[] = [];
  let lowest = { service: '', success: Number.POSITIVE_INFINITY };
  let slowest = { service: '', p99: Number.NEGATIVE_INFINITY };
  const after = await readSnapshots(inputs.after, evidence);
  for (const service of [...inputs.http, ...inputs.tcp]) {
    const delta = await counterDelta({ before: inputs.before, after: inputs.after, service }, evidence);
    if ('problem' in delta) {
      unknown.push(delta.problem);
      continue;
    }
    if (!after.some((snapshot) => snapshot.service === service && snapshot.saturation.memoryBytes > 0)) {
      unknown.push(`${service}: no saturation`);
    }
    if (inputs.tcp.includes(service)) {
      // Bytes, not connections: services keep theirs open.
      const bytes = delta.of('bytesSent') + delta.of('bytesReceived');
      if (bytes < 1) unknown.push(`${service}: no traffic`);
      else connected.push(`${service} ${plural(bytes, 'byte')}`);
      continue;
    }
    const requests = delta.of('requests');
    if (requests < bounds.minRequests) {
      unknown.push(`${service}: ${plural(requests, 'request')}, ${count(bounds.minRequests)} needed`);
      continue;
    }
    const success = 1 - delta.of({ codeClass: 5 }) / requests;
    const p99 = histogramQuantile(delta.latency, 0.99);
    const measured = p99 && (p99.pointMs ?? p99.highMs);
    if (measured === undefined || countOf(delta.latency) === 0) unknown.push(`${service}: no latency distribution`);
    else if (bounds.maxP99Ms !== undefined && measured > bounds.maxP99Ms) {
      slow.push(`${service}: p99 ${milliseconds(measured)}`);
    }
    if (bounds.minSuccessRate !== undefined && success < bounds.minSuccessRate) {
      breached.push(`${service}: ${percent(success)} success`);
    }
    if (success < lowest.success) lowest = { service, success };
    if (measured !== undefined && measured > slowest.p99) slowest = { service, p99: measured };
  }
  const seen = [
    ...(lowest.service ? [`lowest success ${percent(lowest.success)} (${lowest.service})`] : []),
    ...(slowest.service ? [`slowest p99 ${milliseconds(slowest.p99)} (${slowest.service})`] : []),
    ...connected,
  ].join(', ');
  return { breached, slow, unknown, seen };
}

function boundsText({ minRequests, minSuccessRate, maxP99Ms }: SignalBounds): string {
  return [
    `at least ${plural(minRequests, 'request')}`,
    ...(minSuccessRate === undefined ? [] : [`success at least ${percent(minSuccessRate)}`]),
    ...(maxP99Ms === undefined ? [] : [`p99 at most ${milliseconds(maxP99Ms)}`]),
  ].join(', ');
}

/** Sources that disagree prove nothing about the mesh: one of them is wrong, and it is not known which. */
function agreeIf(holds: boolean, observed: string): Outcome {
  return holds ? passIf(true, observed) : invalid(`${observed}: the sources disagree`);
}

export const proxyRules: RulesFor<ProxyRules> = {
  'counter-delta': {
    expected: ({ service, destination, counter, atLeast, atMost }) => {
      const bound = [
        ...(atLeast === undefined ? [] : [`at least ${count(atLeast)}`]),
        ...(atMost === undefined ? [] : [`at most ${count(atMost)}`]),
      ];
      return `the proxy of ${service} counts ${bound.join(' and ')} ${counterText(counter)}${destination ? ` towards ${destination}` : ''}`;
    },
    judge: async (inputs, evidence) => {
      if (inputs.atLeast === undefined && inputs.atMost === undefined) return invalid('no bound was given');
      const seen = await read({ from: 'proxy', count: inputs.counter, select: inputs }, evidence);
      if ('problem' in seen) return invalid(seen.problem);
      const holds = seen.n >= (inputs.atLeast ?? 0) && seen.n <= (inputs.atMost ?? Infinity);
      return passIf(holds, seen.text);
    },
  },
  'counts-within': {
    expected: ({ share }) => `both sources within ${percent(share)}`,
    judge: async (inputs, evidence) => {
      const [a, b] = [await read(inputs.a, evidence), await read(inputs.b, evidence)];
      if ('problem' in a) return invalid(a.problem);
      if ('problem' in b) return invalid(b.problem);
      const larger = Math.max(a.n, b.n);
      if (larger === 0) return invalid(`${a.text}, ${b.text}: nothing to compare`);
      const apart = Math.abs(a.n - b.n) / larger;
      return agreeIf(apart <= inputs.share, `${a.text}, ${b.text}: ${percent(apart)} apart`);
    },
  },
  'counts-agree': {
    expected: ({ sources, share }) => `all ${count(sources.length)} sources within ${percent(share)}`,
    judge: async ({ sources, share }, evidence) => {
      const seen = await Promise.all(sources.map(async (source) => ({ source, ...(await read(source, evidence)) })));
      const told = seen.flatMap((one) => ('n' in one ? [one] : []));
      const silent = seen.flatMap((one) => ('problem' in one ? [one.problem] : []));
      const text = [...told.map((one) => one.text), ...silent].join(', ');
      if (told.length < 2 || told.every(({ n }) => n === 0)) return invalid(`${text}: nothing to compare`);
      const agree = (those: readonly { n: number }[]): boolean => {
        const numbers = those.map(({ n }) => n);
        return Math.max(...numbers) - Math.min(...numbers) <= share * Math.max(...numbers);
      };
      if (agree(told)) return passIf(true, text);
      const off = told.filter((one) => told.length > 2 && agree(told.filter((other) => other !== one)));
      const [wrong] = off;
      if (wrong === undefined || off.length > 1) return agreeIf(false, text);
      return passIf(!isProxy(wrong.source), `${text}: ${wrong.text} is wrong, the others agree`);
    },
  },
  'success-within': {
    expected: ({ share }) => `both success rates within ${percent(share)}`,
    judge: async (inputs, evidence) => {
      const [a, b] = [await rate(inputs.a, evidence), await rate(inputs.b, evidence)];
      if ('problem' in a) return invalid(a.problem);
      if ('problem' in b) return invalid(b.problem);
      return agreeIf(Math.abs(a.n - b.n) <= inputs.share, `${a.text} and ${b.text}`);
    },
  },
  'quantile-within': {
    expected: ({ quantile: q, share, slackMs }) =>
      `p${q * 100} of k6 and proxy within ${percent(share)}${slackMs === undefined ? '' : ` or ${milliseconds(slackMs)}`}`,
    judge: async (inputs, evidence): Promise<Outcome> => {
      const samples = await selectSamples(inputs.load, evidence);
      const delta = await counterDelta(inputs.proxy, evidence);
      if (samples.length === 0) return invalid('no request in the window');
      if ('problem' in delta) return invalid(delta.problem);
      const q = inputs.quantile;
      const ranks = rankSlack(samples.length, countOf(delta.latency));
      const [low, proxy, high] = [Math.max(0, q - ranks), q, Math.min(1, q + ranks)].map((rank) =>
        histogramQuantile(delta.latency, rank),
      );
      if (!low || !proxy || !high) return invalid(`the proxy of ${inputs.proxy.service} has no latency samples`);
      const k6 = quantile(
        samples.map((sample) => sample.durationMs),
        q,
      );
      const slack = (ms: number): number => Math.max(ms * inputs.share, inputs.slackMs ?? 0);
      if (low.pointMs !== undefined && proxy.pointMs !== undefined && high.pointMs !== undefined) {
        const holds = k6 >= low.pointMs - slack(low.pointMs) && k6 <= high.pointMs + slack(high.pointMs);
        return agreeIf(holds, `k6 ${milliseconds(k6)}, proxy ${milliseconds(proxy.pointMs)}`);
      }
      const [lowMs, highMs] = [low.lowMs, high.highMs];
      const text = `k6 ${milliseconds(k6)}, proxy's bucket ${milliseconds(lowMs)} to ${Number.isFinite(highMs) ? milliseconds(highMs) : 'more'}`;
      return agreeIf(k6 >= lowMs - slack(lowMs) && k6 <= highMs + (inputs.slackMs ?? 0), text);
    },
  },
  'golden-signals-within': {
    expected: ({ http, tcp, bounds }) =>
      `${plural(http.length + tcp.length, 'service')} with latency, traffic, errors and saturation: ${boundsText(bounds)}`,
    judge: async (inputs, evidence) => {
      const { breached, slow, unknown, seen } = await breaches(inputs, evidence);
      if (breached.length > 0) return passIf(false, some([...breached, ...slow], 5));
      if (slow.length > 0) return unlessBusy(passIf(false, some(slow, 5)), inputs.machine, evidence);
      return unknown.length > 0
        ? invalid(some(unknown, 5))
        : passIf(seen !== '', `${plural(inputs.http.length + inputs.tcp.length, 'service')}: ${seen}`);
    },
  },
  'golden-signals-breached': {
    expected: ({ bounds }) => `at least one service outside: ${boundsText(bounds)}`,
    judge: async (inputs, evidence) => {
      const { breached, slow, unknown, seen } = await breaches(inputs, evidence);
      if (breached.length + slow.length > 0) return passIf(true, some([...breached, ...slow], 5));
      return unknown.length > 0 ? invalid(some(unknown, 5)) : passIf(false, seen);
    },
  },
};
