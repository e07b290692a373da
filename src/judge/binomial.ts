import { count, percent } from '../base/words.ts';

/** Chance that a correct system is called wrong by one interval (docs/design.md, rules of the experiment). */
export const falseAlarmBudget = 1e-6;

/** Counts that are believable, both ends included. */
export interface CountInterval {
  low: number;
  high: number;
}

/**
 * Which counts a binomial variable may show: the smallest interval with P(X < low) <= alpha/2 and P(X > high) <= alpha/2.
 *
 * Exact: the probabilities are built outward from the mode by the ratio of neighbours, relative to the mode's own, so
 * nothing under- or overflows for any n; terms below 1e-25 of the mode are left out (all of them together are far below
 * any alpha used). Cost is O(sqrt(n)) terms.
 *
 * @param n trials, up to 1e9
 * @param p share asked for, 0..1
 */
export function binomialInterval(n: number, p: number, alpha = falseAlarmBudget): CountInterval {
  if (!Number.isInteger(n) || n < 0) throw new RangeError(`n must be a whole number, got ${n}`);
  if (!(p >= 0 && p <= 1)) throw new RangeError(`p must be in [0, 1], got ${p}`);
  if (!(alpha > 1e-15 && alpha < 1)) throw new RangeError(`alpha must be in (1e-15, 1), got ${alpha}`);
  if (p === 0 || n === 0) return { low: 0, high: 0 };
  if (p === 1) return { low: n, high: n };

  const mode = Math.min(Math.floor((n + 1) * p), n);
  const odds = p / (1 - p);
  const below = outward(mode, (k) => (k > 0 ? k / ((n - k + 1) * odds) : 0));
  const above = outward(mode, (k) => (k < n ? ((n - k) * odds) / (k + 1) : 0), 1);
  const total = 1 + sum(below) + sum(above);
  const tail = (alpha / 2) * total;
  return { low: mode - reach(below, tail), high: mode + reach(above, tail) };
}

/** Weights of the neighbours on one side of the mode (weight 1), nearest first. */
function outward(mode: number, ratio: (k: number) => number, step: 1 | -1 = -1): number[] {
  const weights: number[] = [];
  for (let k = mode, weight = ratio(mode); weight > 1e-25; k += step, weight *= ratio(k)) weights.push(weight);
  return weights;
}

/** Smallest sums first, so that small tails keep their digits. */
function sum(weights: readonly number[]): number {
  return weights.reduceRight((total, weight) => total + weight, 0);
}

/** How many steps from the mode still belong to the interval: what lies beyond weighs at most `tail`. */
function reach(weights: readonly number[], tail: number): number {
  let beyond = 0;
  for (let index = weights.length - 1; index >= 0; index--) {
    beyond += weights[index] ?? 0;
    if (beyond > tail) return index + 1;
  }
  return 0;
}

export interface ShareJudgement {
  within: boolean;
  interval: CountInterval;
  /** `361 of 1,204 (30 %); 30 % asked: 268 to 443 believable` */
  observed: string;
}

/** Whether `hits` of `n` is what a process with the asked share would show. No trials: never within. */
export function judgeShare(hits: number, n: number, askedShare: number, alpha = falseAlarmBudget): ShareJudgement {
  const interval = binomialInterval(n, askedShare, alpha);
  return {
    within: n > 0 && hits >= interval.low && hits <= interval.high,
    interval,
    observed:
      n === 0
        ? '0 of 0: nothing was seen'
        : `${count(hits)} of ${count(n)} (${percent(hits / n)}); ${percent(askedShare)} asked: ${count(interval.low)} to ${count(interval.high)} believable`,
  };
}
