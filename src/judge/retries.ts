import { binomialInterval, falseAlarmBudget, type CountInterval } from './binomial.ts';

/** Share of requests that succeed when each attempt fails independently with `share`: 1 - share^(retries + 1). */
export function expectedSuccess(share: number, retries: number): number {
  return 1 - share ** (retries + 1);
}

/** Successes of `n` requests that are believable under retries. */
export function expectedSuccessInterval(
  n: number,
  share: number,
  retries: number,
  alpha = falseAlarmBudget,
): CountInterval {
  return binomialInterval(n, expectedSuccess(share, retries), alpha);
}

/** Mean attempts per request: sum of share^k for k = 0 … retries (a geometric series cut off by the retry limit). */
export function expectedAmplification(share: number, retries: number): number {
  let total = 0;
  for (let k = 0; k <= retries; k++) total += share ** k;
  return total;
}

/** Whether a budget of so many retries for each request that succeeds lets every request be tried until it does. */
export function budgetCovers(share: number, retriesEach: number): boolean {
  return share < 1 && share / (1 - share) <= retriesEach;
}

/** Faults, and what bounds the retries that make them good. */
export interface RetryBound {
  /** Of all attempts. */
  faultShare: number;
  /** Of one request; with a budget: for each request that succeeds, whoever of them needs them. */
  retries: number;
  /** Default: so many retries of one request. */
  bound?: 'budget' | undefined;
}

/** How often one request is retried at most: with a budget that covers the faults until it succeeds, so that hardly one fails. */
export function retriesOfOne({ faultShare, retries, bound }: RetryBound): number {
  if (bound !== 'budget' || faultShare <= 0 || faultShare >= 1) return retries;
  return Math.max(retries, Math.ceil(Math.log(1e-9) / Math.log(faultShare)));
}

/** Mean attempts per request that are believable, both ends included. */
export interface MeanInterval {
  low: number;
  high: number;
}

/**
 * Bounds of the mean attempts of `n` requests: Chernoff's bound of the truncated geometric distribution on each side,
 * P(mean >= a) <= exp(-n I(a)) with I(a) = sup over t of (t a - log E[exp(t X)]). It holds for every n, and is a little
 * wider than the exact interval: false alarms stay below alpha.
 */
export function amplificationInterval(
  n: number,
  share: number,
  retries: number,
  alpha = falseAlarmBudget,
): MeanInterval {
  const mean = expectedAmplification(share, retries);
  if (n === 0 || retries === 0 || share === 0 || share === 1) return { low: mean, high: mean };
  // P(X = k) for k = 1 … retries + 1 attempts: the last one is made whether it succeeds or not.
  const chances = Array.from({ length: retries + 1 }, (_, k) => (k < retries ? share ** k * (1 - share) : share ** k));
  const needed = Math.log(2 / alpha) / n;
  return {
    low: bisect(1, mean, (a) => rate(chances, a, mean) > needed),
    high: bisect(retries + 1, mean, (a) => rate(chances, a, mean) > needed),
  };
}

/** I(a): the objective is concave in t, so ternary search finds its top; t has the sign of a - mean. */
function rate(chances: readonly number[], a: number, mean: number): number {
  const objective = (t: number): number => t * a - logMoment(chances, t);
  let [low, high] = a > mean ? [0, 60] : [-60, 0];
  for (let step = 0; step < 120; step++) {
    const [left, right] = [low + (high - low) / 3, high - (high - low) / 3];
    if (objective(left) < objective(right)) low = left;
    else high = right;
  }
  return objective((low + high) / 2);
}

function logMoment(chances: readonly number[], t: number): number {
  const terms = chances.map((chance, k) => Math.log(chance) + t * (k + 1));
  const top = Math.max(...terms);
  return top + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - top), 0));
}

/** Between `outside` (where it may hold) and `inside` (where it does not): the outermost point that is still believable. */
function bisect(outside: number, inside: number, unbelievable: (a: number) => boolean): number {
  if (!unbelievable(outside)) return outside;
  let [out, within] = [outside, inside];
  for (let step = 0; step < 60; step++) {
    const middle = (out + within) / 2;
    if (unbelievable(middle)) out = middle;
    else within = middle;
  }
  return within;
}
