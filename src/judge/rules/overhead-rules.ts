import { hostTime } from '../../base/host-time.ts';
import { milliseconds, plural } from '../../base/words.ts';
import type { EvidencePath } from '../../evidence/path.ts';
import type { EvidenceReader } from '../../evidence/reader.ts';
import type { ContainerUsage } from '../../observe/telemetry/resources.ts';
import { addedLatency, differenceInterval, halves, type AddedLatency, type Interval } from '../added-latency.ts';
import { falseAlarmBudget } from '../binomial.ts';
import { proxyCosts, type ProxyCost } from '../proxy-cost.ts';
import { invalid, passIf, type Outcome, type RulesFor } from '../rule.ts';
import { selectSamples } from '../select-samples.ts';

/** Loads of runs without and with the mesh, which alternated. */
export interface AlternatedRuns {
  without: EvidencePath[];
  with: EvidencePath[];
  quantile: number;
  /** Left out at the beginning of each run: connections are made, code is compiled. */
  warmUpMs: number;
}

/** Loads of runs with the mesh, and what containers used around each. */
export interface MeteredRuns {
  runs: { load: EvidencePath; before: EvidencePath; after: EvidencePath }[];
  /** Name of the proxies' container. */
  container: string;
}

export interface OverheadRules {
  /** Control: two series without the mesh show no difference, beyond the false-alarm budget. */
  'no-latency-added': Pick<AlternatedRuns, 'quantile' | 'warmUpMs'> & { runs: EvidencePath[] };
  /** What the mesh adds is measured; with a bound, it is no more than that. */
  'latency-added': AlternatedRuns & { atMostMs?: number | undefined };
  /** What the proxies use is measured. */
  'proxies-metered': MeteredRuns;
}

/** Of the figures that are shown. What is judged with them has the false-alarm budget of every judgement. */
export const shownAlpha = 0.01;

export async function readAdded(inputs: AlternatedRuns, evidence: EvidenceReader): Promise<AddedLatency> {
  const [without, withIt] = await Promise.all(
    [inputs.without, inputs.with].map((runs) => read(runs, inputs, evidence)),
  );
  return addedLatency({ without: without ?? [], with: withIt ?? [] }, inputs.quantile, shownAlpha);
}

export async function readCosts({ runs, container }: MeteredRuns, evidence: EvidenceReader): Promise<ProxyCost[]> {
  const measured = await Promise.all(
    runs.map(async ({ load, before, after }) => ({
      samples: await selectSamples({ load }, evidence),
      before: await evidence.json<ContainerUsage[]>(before),
      after: await evidence.json<ContainerUsage[]>(after),
    })),
  );
  return proxyCosts(measured, container);
}

/** Latencies of each run, in ms, after its warm-up. */
async function read(
  runs: readonly EvidencePath[],
  { warmUpMs }: Pick<AlternatedRuns, 'warmUpMs'>,
  evidence: EvidenceReader,
): Promise<number[][]> {
  return Promise.all(
    runs.map(async (load) => {
      const samples = await selectSamples({ load }, evidence);
      const from = Math.min(...samples.map(hostTime)) + warmUpMs;
      return samples.filter((sample) => hostTime(sample) >= from).map(({ durationMs }) => durationMs);
    }),
  );
}

const nameOf = ({ quantile }: { quantile: number }): string => `p${Math.round(quantile * 100)}`;

/** `1.4 to 2.1 ms`; an upper end that nobody knows is open. */
export function intervalText({ low, high }: Interval): string {
  return `${milliseconds(low)} to ${Number.isFinite(high) ? milliseconds(high) : 'nobody knows how much'}`;
}

export const overheadRules: RulesFor<OverheadRules> = {
  'no-latency-added': {
    expected: (inputs) => `two series without the mesh have the same ${nameOf(inputs)}`,
    judge: async (inputs, evidence) => {
      const [odd, even] = halves(await read(inputs.runs, inputs, evidence));
      if (odd.length === 0 || even.length === 0) return invalid('there are no two series');
      const interval = differenceInterval(odd, even, inputs.quantile, falseAlarmBudget);
      return passIf(
        interval.low <= 0 && interval.high >= 0,
        `${nameOf(inputs)} of the one is ${intervalText(interval)} above the other’s (${plural(odd.length, 'request')} and ${plural(even.length, 'request')})`,
      );
    },
  },
  'latency-added': {
    expected: (inputs) =>
      inputs.atMostMs === undefined
        ? `the mesh’s part of ${nameOf(inputs)} is above the noise`
        : `the mesh adds at most ${milliseconds(inputs.atMostMs)} to ${nameOf(inputs)}`,
    judge: async (inputs, evidence) => {
      const added = await readAdded(inputs, evidence);
      const seen = `${nameOf(inputs)} ${milliseconds(added.without)} without, ${milliseconds(added.with)} with the mesh; noise ${milliseconds(added.noise)}`;
      if (inputs.atMostMs !== undefined) return bounded(inputs, added, seen, evidence);
      if (added.inconclusive !== undefined)
        return invalid(`${seen}: ${added.inconclusive} (${intervalText(added.interval)})`);
      return passIf(true, `${seen}: ${milliseconds(added.added)} more (${intervalText(added.interval)})`);
    },
  },
  'proxies-metered': {
    expected: () => 'CPU and memory of every proxy, by the kubelet',
    judge: async (inputs, evidence) => {
      const costs = await readCosts(inputs, evidence);
      if (costs.length === 0) return invalid('the kubelet did not measure any proxy twice in a run');
      const cpuMs = costs.reduce((sum, cost) => sum + cost.cpuMsPer1000Requests, 0);
      const most = Math.max(...costs.map(({ memoryBytes }) => memoryBytes));
      return passIf(
        true,
        `${plural(costs.length, 'proxy', 'proxies')}: together ${milliseconds(cpuMs)} of CPU for 1,000 requests, at most ${(most / 2 ** 20).toFixed(1)} MiB each`,
      );
    },
  },
};

/** A bound is broken by what cannot be chance, and kept by what is within it even at the interval’s end. */
async function bounded(
  inputs: OverheadRules['latency-added'],
  { added, interval }: AddedLatency,
  seen: string,
  evidence: EvidenceReader,
): Promise<Outcome> {
  const { atMostMs = 0, quantile } = inputs;
  const text = `${seen}: ${milliseconds(added)} more (${intervalText(interval)})`;
  if (interval.high <= atMostMs) return passIf(true, text);
  const [from, to] = await Promise.all(
    [inputs.without, inputs.with].map(async (runs) =>
      Float64Array.from((await read(runs, inputs, evidence)).flat()).sort(),
    ),
  );
  const sure = differenceInterval(from ?? new Float64Array(), to ?? new Float64Array(), quantile, falseAlarmBudget);
  return sure.low > atMostMs ? passIf(false, text) : invalid(`${text}: neither within the bound for sure nor above it`);
}
