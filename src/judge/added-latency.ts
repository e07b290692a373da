import { nearestRank } from '../base/quantile.ts';
import { binomialInterval } from './binomial.ts';

/** An interval; its upper end is Infinity where there were too few values to know one. */
export interface Interval {
  low: number;
  high: number;
}

/** What one quantile of latency is without and with something between client and server. All in ms. */
export interface AddedLatency {
  quantile: number;
  without: number;
  with: number;
  added: number;
  /** Where the difference lies. */
  interval: Interval;
  /** By how much two series without it differ from one another: less than this is nobody's. */
  noise: number;
  /** Why `added` is no finding; undefined where it is one. */
  inconclusive?: string | undefined;
}

/**
 * Where a quantile of what the values are a sample of lies, without any assumption about their distribution: the order
 * statistics whose ranks a binomial variable of n and q leaves with a chance of alpha (David and Nagaraja, Order Statistics, 3rd
 * ed., section 7.1). Values that depend on one another make it too narrow: see `addedLatency` on noise.
 *
 * @param sorted latencies, none below 0
 */
export function quantileInterval(sorted: Float64Array, q: number, alpha: number): Interval {
  const { low, high } = binomialInterval(sorted.length, q, alpha);
  // Ranks count from 1; rank 0 is before the first.
  return { low: low === 0 ? 0 : (sorted[low - 1] ?? 0), high: sorted[high] ?? Number.POSITIVE_INFINITY };
}

/**
 * Where the difference of two quantiles lies: each within its own interval of alpha / 2, so that both hold with a chance of
 * 1 - alpha at least (Bonferroni). Wider than need be, never narrower.
 */
export function differenceInterval(from: Float64Array, to: Float64Array, q: number, alpha: number): Interval {
  const [a, b] = [quantileInterval(from, q, alpha / 2), quantileInterval(to, q, alpha / 2)];
  return { low: b.low - a.high, high: b.high - a.low };
}

/**
 * What is added to a quantile, from runs that alternated: those of each kind are taken together. Requests of a run depend on
 * one another, and runs differ: so the runs without are also compared among themselves, every other one with the rest. What is
 * not above that noise, or whose interval holds 0, is no finding.
 *
 * @param without latencies of each run without it; two at least
 * @param alpha chance that the interval misses the difference
 * @throws RangeError for fewer than two runs without it, or a run without requests
 */
export function addedLatency(
  runs: { without: readonly (readonly number[])[]; with: readonly (readonly number[])[] },
  quantile: number,
  alpha: number,
): AddedLatency {
  if (runs.without.length < 2 || runs.with.length === 0) throw new RangeError('two runs without it are needed');
  if ([...runs.without, ...runs.with].some(({ length }) => length === 0)) throw new RangeError('a run has no requests');
  const [from, to] = [sorted(runs.without), sorted(runs.with)];
  const [odd, even] = halves(runs.without);
  const at = (values: Float64Array): number => nearestRank(values, quantile);
  const added = at(to) - at(from);
  const interval = differenceInterval(from, to, quantile, alpha);
  const noise = Math.abs(at(odd) - at(even));
  const inconclusive =
    noise >= Math.abs(added)
      ? 'two series without the mesh differ by as much'
      : interval.low <= 0 && interval.high >= 0
        ? 'the interval holds 0'
        : undefined;
  return { quantile, without: at(from), with: at(to), added, interval, noise, ...(inconclusive && { inconclusive }) };
}

/** Every other run, and the rest: a drift over time is in both. */
export function halves(runs: readonly (readonly number[])[]): [Float64Array, Float64Array] {
  return [sorted(runs.filter((_, index) => index % 2 === 0)), sorted(runs.filter((_, index) => index % 2 === 1))];
}

function sorted(runs: readonly (readonly number[])[]): Float64Array {
  return Float64Array.from(runs.flat()).sort();
}
