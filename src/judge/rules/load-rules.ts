import { quantile } from '../../base/quantile.ts';
import type { LoadResult, LoadSample } from '../../load/load.ts';
import type { EvidencePath } from '../../evidence/path.ts';
import { judgeShare } from '../binomial.ts';
import type { EvidenceReader } from '../../evidence/reader.ts';
import type { ProxySelection } from '../counters.ts';
import { unlessBusy, type MachineSelection } from '../machine.ts';
import { unlessRefused } from '../refused.ts';
import { expectedSuccess, type RetryBound } from '../retries.ts';
import { invalid, passIf, type Outcome, type RulesFor } from '../rule.ts';
import { selectSamples, type LoadSelection } from '../select-samples.ts';
import { count, milliseconds, percent, plural } from '../../base/words.ts';

/** Contents of `load.json`: what k6 reported besides samples. */
export type LoadFacts = Omit<LoadResult, 'samples' | 'summary'>;

export interface LoadRules {
  /** Share of requests whose checks held. With `refused` (whose proxies retry): what refused retries explain is `invalid`. */
  'success-rate-at-least': LoadSelection & { share: number; refused?: ProxySelection | undefined };
  /** For controls: the errors reach the caller. */
  'success-rate-below': LoadSelection & { share: number };
  /** Successes lie in the interval of 1 - faultShare^(retries + 1); of retries that a budget bounds, there or above. `refused`: as above. */
  'success-as-retries-predict': LoadSelection & RetryBound & { refused?: ProxySelection | undefined };
  /** With `machine`: slower than the limit on a busy machine is `invalid`. */
  'latency-at-most': LoadSelection & { quantile: number; limitMs: number; machine?: MachineSelection | undefined };
  'latency-at-least': LoadSelection & { quantile: number; limitMs: number };
  /** Share of answers with this status (0: no answer); at least, at most, or the exact share that was asked for (binomial interval). */
  'status-share': LoadSelection & { status: number; is: { atLeast: number } | { atMost: number } | { asked: number } };
  /** Validity: enough requests, none dropped, k6 reported no problem. */
  'load-sufficient': LoadSelection & { facts: EvidencePath; minRequests: number };
}

async function judged(
  inputs: LoadSelection,
  evidence: EvidenceReader,
  judge: (samples: LoadSample[]) => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  const samples = await selectSamples(inputs, evidence);
  const needed = inputs.minRequests ?? 1;
  if (samples.length < Math.max(needed, 1)) {
    return invalid(`only ${plural(samples.length, 'request')}, ${count(needed)} needed`);
  }
  return judge(samples);
}

function succeeded(samples: LoadSample[]): { good: number; share: number; text: string } {
  const good = samples.filter((sample) => sample.ok).length;
  const share = good / samples.length;
  return { good, share, text: `${percent(share)} of ${plural(samples.length, 'request')} succeeded` };
}

function latency(inputs: LoadRules['latency-at-most'], samples: LoadSample[]): { value: number; text: string } {
  const value = quantile(
    samples.map((sample) => sample.durationMs),
    inputs.quantile,
  );
  return { value, text: `p${inputs.quantile * 100} ${milliseconds(value)} over ${plural(samples.length, 'request')}` };
}

function shareText(is: LoadRules['status-share']['is']): string {
  if ('atLeast' in is) return `at least ${percent(is.atLeast)}`;
  return 'atMost' in is ? `at most ${percent(is.atMost)}` : `${percent(is.asked)} (within its interval)`;
}

export const loadRules: RulesFor<LoadRules> = {
  'success-rate-at-least': {
    expected: ({ share }) => `at least ${percent(share)} of requests succeed`,
    judge: (inputs, evidence) =>
      judged(inputs, evidence, (samples) => {
        const seen = succeeded(samples);
        const short = Math.ceil(inputs.share * samples.length - 1e-9) - seen.good;
        const { refused } = inputs;
        return unlessRefused(passIf(seen.share >= inputs.share, seen.text), { refused, short }, evidence);
      }),
  },
  'success-rate-below': {
    expected: ({ share }) => `fewer than ${percent(share)} of requests succeed`,
    judge: (inputs, evidence) =>
      judged(inputs, evidence, (samples) => {
        const seen = succeeded(samples);
        return passIf(seen.share < inputs.share, seen.text);
      }),
  },
  'success-as-retries-predict': {
    expected: ({ faultShare, retries, bound }) => {
      const success = percent(expectedSuccess(faultShare, retries));
      return bound === 'budget'
        ? `at least ${success} succeed (${percent(faultShare)} faults, a budget of ${retries} retries each), within the interval`
        : `${success} succeed (${percent(faultShare)} faults, ${retries} retries), within the interval`;
    },
    judge: (inputs, evidence) =>
      judged(inputs, evidence, (samples) => {
        const { good } = succeeded(samples);
        const seen = judgeShare(good, samples.length, expectedSuccess(inputs.faultShare, inputs.retries));
        const better = inputs.bound === 'budget' && good > seen.interval.high;
        const short = seen.interval.low - good;
        const { refused } = inputs;
        const outcome = passIf(seen.within || better, `${seen.observed} successes`);
        return unlessRefused(outcome, { refused, short }, evidence);
      }),
  },
  'latency-at-most': {
    expected: (inputs) => `p${inputs.quantile * 100} at most ${milliseconds(inputs.limitMs)}`,
    judge: async (inputs, evidence) => {
      const outcome = await judged(inputs, evidence, (samples) => {
        const seen = latency(inputs, samples);
        return passIf(seen.value <= inputs.limitMs, seen.text);
      });
      return unlessBusy(outcome, inputs.machine, evidence);
    },
  },
  'latency-at-least': {
    expected: (inputs) => `p${inputs.quantile * 100} at least ${milliseconds(inputs.limitMs)}`,
    judge: (inputs, evidence) =>
      judged(inputs, evidence, (samples) => {
        const seen = latency(inputs, samples);
        return passIf(seen.value >= inputs.limitMs, seen.text);
      }),
  },
  'status-share': {
    expected: ({ status, is }) => `${shareText(is)} of answers are ${status === 0 ? 'missing' : status}`,
    judge: (inputs, evidence) =>
      judged(inputs, evidence, (samples) => {
        const hits = samples.filter((sample) => sample.status === inputs.status).length;
        const share = hits / samples.length;
        const text = `${percent(share)} of ${plural(samples.length, 'answer')} were ${inputs.status === 0 ? 'missing' : inputs.status}`;
        if ('atLeast' in inputs.is) return passIf(share >= inputs.is.atLeast, text);
        if ('atMost' in inputs.is) return passIf(share <= inputs.is.atMost, text);
        const seen = judgeShare(hits, samples.length, inputs.is.asked);
        return passIf(seen.within, seen.observed);
      }),
  },
  'load-sufficient': {
    expected: ({ minRequests }) => `at least ${plural(minRequests, 'request')}, none dropped, k6 without problems`,
    judge: async (inputs, evidence) => {
      const facts = await evidence.json<LoadFacts>(inputs.facts);
      const { length } = await selectSamples(inputs, evidence);
      const problems = [...facts.problems];
      if (facts.droppedIterations > 0) problems.push(`${plural(facts.droppedIterations, 'iteration')} dropped`);
      if (length < inputs.minRequests) problems.push(`only ${plural(length, 'request')}`);
      return passIf(
        problems.length === 0,
        problems.length === 0 ? `${plural(length, 'request')}, none dropped` : problems.join('; '),
      );
    },
  },
};
