import { MeshproofError } from '../../base/errors.ts';
import type { Sample } from './prometheus.ts';
import type { LatencyHistogram } from './snapshot.ts';

/**
 * Classic histograms of a family, one per label set (`le` taken out). `name` has no `_bucket`. Bounds become
 * milliseconds; never `exact`, whatever the buckets are: a quantile is an interval.
 *
 * @throws MeshproofError MESHPROOF_METRICS_UNREADABLE for counts that no histogram can have: fractions, NaN, a bucket with
 * less than the one below it, a `_count` that is not what the last bucket says
 */
export function prometheusHistograms(
  samples: readonly Sample[],
  name: string,
  options: { unit: 'ms' | 's' },
): { labels: Record<string, string>; histogram: LatencyHistogram }[] {
  const factor = options.unit === 's' ? 1000 : 1;
  const groups = new Map<
    string,
    { labels: Record<string, string>; buckets: Map<number, number>; sum: number; count?: number }
  >();
  for (const sample of samples) {
    const part =
      sample.name === `${name}_bucket`
        ? 'bucket'
        : sample.name === `${name}_sum`
          ? 'sum'
          : sample.name === `${name}_count`
            ? 'count'
            : undefined;
    if (!part) continue;
    const { le, ...labels } = sample.labels;
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { labels, buckets: new Map(), sum: 0 }));
    if (part === 'bucket' && le !== undefined)
      group.buckets.set(/^\+?inf$/i.test(le) ? Infinity : Number(le) * factor, sample.value);
    else if (part === 'sum') group.sum = sample.value * factor;
    else if (part === 'count') group.count = sample.value;
  }
  return [...groups.values()].map(({ labels, buckets, sum, count }) => {
    const bounds = [...buckets.keys()].sort((a, b) => a - b);
    if (bounds.at(-1) !== Infinity) {
      buckets.set(Infinity, count ?? buckets.get(bounds.at(-1)!) ?? 0);
      bounds.push(Infinity);
    }
    const cumulative = bounds.map((bound) => buckets.get(bound)!);
    refuseImpossible(name, cumulative, count);
    return { labels, histogram: { exact: false, upperBoundsMs: bounds, cumulative, sumMs: sum } };
  });
}

function refuseImpossible(name: string, cumulative: readonly number[], count: number | undefined): void {
  const all = count === undefined ? cumulative : [...cumulative, count];
  const why = all.some((value) => !Number.isInteger(value) || value < 0)
    ? 'counts that are no whole numbers'
    : cumulative.some((value, index) => value < (cumulative[index - 1] ?? 0))
      ? 'a bucket with less in it than the one below'
      : count !== undefined && count !== cumulative.at(-1)
        ? `${cumulative.at(-1)} in its last bucket and a count of ${count}`
        : undefined;
  if (why === undefined) return;
  throw new MeshproofError(
    'MESHPROOF_METRICS_UNREADABLE',
    `the histogram ${name} has ${why}`,
    'Look at the raw metrics: two scrapes may have been mixed, or the exporter is broken.',
  );
}
