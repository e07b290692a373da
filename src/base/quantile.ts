/**
 * Quantile by nearest rank: the smallest sample such that at least the share `q` of all samples is not above it. Always
 * a value that was measured, never an interpolation. `values` need not be sorted.
 *
 * @param q 0 < q <= 1
 * @returns NaN without samples.
 */
export function quantile(values: readonly number[] | Float64Array, q: number): number {
  if (!(q > 0 && q <= 1)) throw new RangeError(`quantile must be in (0, 1], got ${q}`);
  if (values.length === 0) return Number.NaN;
  return nearestRank(Float64Array.from(values).sort(), q);
}

/** The same, of values that are sorted already. */
export function nearestRank(sorted: Float64Array, q: number): number {
  // 0.07 * 100 is 7.000000000000001 in floating point: without the nudge the rank would be 8.
  const rank = Math.ceil(q * sorted.length - 1e-9);
  return sorted[Math.max(rank, 1) - 1] ?? Number.NaN;
}
