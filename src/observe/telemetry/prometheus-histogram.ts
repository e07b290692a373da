import type { Sample } from './prometheus.ts';
import type { LatencyHistogram } from './snapshot.ts';

/**
 * Classic histograms of a family, one per label set (`le` taken out). `name` has no `_bucket`. Bounds become
 * milliseconds; never `exact`, whatever the buckets are: a quantile is an interval.
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
    return {
      labels,
      histogram: {
        exact: false,
        upperBoundsMs: bounds,
        cumulative: bounds.map((bound) => buckets.get(bound)!),
        sumMs: sum,
      },
    };
  });
}
