import type { LatencyHistogram } from './snapshot.ts';

/** Where a quantile lies. `pointMs` only for exact histograms; infinite `highMs` means "beyond the last bound". */
export interface QuantileEstimate {
  lowMs: number;
  highMs: number;
  pointMs?: number;
}

export function emptyHistogram(exact = true): LatencyHistogram {
  return { exact, upperBoundsMs: [Infinity], cumulative: [0], sumMs: 0 };
}

/** Number of samples. */
export function countOf(histogram: LatencyHistogram): number {
  return histogram.cumulative.at(-1) ?? 0;
}

/**
 * What was added between two looks at the same histogram; undefined if a count shrank (the proxy restarted, or these
 * are two different histograms).
 */
export function deltaHistogram(before: LatencyHistogram, after: LatencyHistogram): LatencyHistogram | undefined {
  const combined = combine([before, after], ([old = 0, now = 0]) => now - old);
  let floor = 0;
  for (const count of combined.cumulative) {
    if (count < floor) return undefined;
    floor = count;
  }
  return { ...combined, sumMs: Math.max(0, after.sumMs - before.sumMs) };
}

/** Sum over replicas. Histograms with different buckets meet on the bounds at which all of them are known. */
export function mergeHistograms(histograms: readonly LatencyHistogram[]): LatencyHistogram {
  if (histograms.length === 0) return emptyHistogram();
  return {
    ...combine(histograms, (counts) => counts.reduce((sum, count) => sum + count, 0)),
    sumMs: histograms.reduce((sum, histogram) => sum + histogram.sumMs, 0),
  };
}

/**
 * Where the sample of rank ceil(q * n) lies (nearest rank, which k6's interpolation differs from by one rank at most).
 * A point only for exact histograms, placed in the bucket by rank. Undefined without samples.
 *
 * @param q 0..1
 */
export function quantile(histogram: LatencyHistogram, q: number): QuantileEstimate | undefined {
  const { upperBoundsMs, cumulative, exact } = histogram;
  const total = countOf(histogram);
  if (total === 0) return undefined;
  const rank = Math.min(total, Math.max(1, Math.ceil(q * total - 1e-9)));
  const index = cumulative.findIndex((count) => count >= rank);
  const lowMs = index > 0 ? upperBoundsMs[index - 1]! : 0;
  const highMs = upperBoundsMs[index]!;
  if (!exact) return { lowMs, highMs };
  const below = index > 0 ? cumulative[index - 1]! : 0;
  const share = (rank - below - 0.5) / (cumulative[index]! - below);
  return { lowMs, highMs, pointMs: Number.isFinite(highMs) ? lowMs + share * (highMs - lowMs) : lowMs };
}

/** Rounded for a report: the point, or null where only an interval is known. */
export function quantilePoint(histogram: LatencyHistogram, q: number): number | null {
  const estimate = quantile(histogram, q);
  return estimate?.pointMs === undefined ? null : Math.round(estimate.pointMs * 100) / 100;
}

/**
 * Works bound by bound on the union of bounds. A bound is usable if every histogram knows its count there: it is one of
 * its own, or lies in a bucket of its that is empty. Buckets of one grid (Envoy's) always are; other mixes get coarser,
 * and are then no longer exact.
 */
function combine(
  histograms: readonly LatencyHistogram[],
  count: (counts: number[]) => number,
): Omit<LatencyHistogram, 'sumMs'> {
  const bounds = [...new Set([...histograms.flatMap(({ upperBoundsMs }) => upperBoundsMs), Infinity])].sort(
    (a, b) => a - b,
  );
  const cursor = histograms.map(() => 0);
  const upperBoundsMs: number[] = [];
  const cumulative: number[] = [];
  let coarser = false;
  for (const bound of bounds) {
    const counts: number[] = [];
    let known = true;
    histograms.forEach((histogram, i) => {
      while (cursor[i]! < histogram.upperBoundsMs.length && histogram.upperBoundsMs[cursor[i]!]! <= bound) cursor[i]!++;
      const at = cursor[i]!;
      const here = at > 0 ? histogram.cumulative[at - 1]! : 0;
      const own = at > 0 && histogram.upperBoundsMs[at - 1] === bound;
      const next = at < histogram.cumulative.length ? histogram.cumulative[at]! : here;
      if (!own && next !== here) known = false;
      counts.push(here);
    });
    if (known) {
      upperBoundsMs.push(bound);
      cumulative.push(count(counts));
    } else coarser = true;
  }
  return { exact: !coarser && histograms.every(({ exact }) => exact), upperBoundsMs, cumulative };
}
