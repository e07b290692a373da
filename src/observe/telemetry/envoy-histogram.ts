import { MeshproofError } from '../../base/errors.ts';
import { emptyHistogram } from './histogram.ts';
import type { LatencyHistogram } from './snapshot.ts';

/** A bucket of Envoy's log-linear histogram (circllhist, two significant digits), as the admin port prints it. */
interface DetailedBucket {
  lower_bound: number;
  width: number;
  count: number;
}

interface StatsReply {
  stats: (
    | { name: string; value: number | string }
    | { histograms: { details?: { name: string; totals: DetailedBucket[] }[] } }
  )[];
}

/**
 * Histograms of `/stats?format=json&histogram_buckets=detailed[&filter=REGEX]` by stat name, e.g.
 * `http.public_listener.downstream_rq_time`, counted since Envoy started (`totals`, not `intervals`).
 *
 * Two facts of Envoy 1.40 the caller must know: histograms are merged into what admin shows only at each stats flush
 * (`stats_flush_interval`, 5 s by default) while counters are live; and times are cut to whole milliseconds, so 5.9 ms
 * stands in bucket [5, 5.1), which is read here as [5, 6).
 *
 * @throws MeshproofError MESHPROOF_METRICS_UNREADABLE
 */
export function parseEnvoyHistograms(json: string): Map<string, LatencyHistogram> {
  const details = statsOf(json).flatMap((stat) => ('histograms' in stat ? [stat.histograms.details] : []));
  if (details.some((list) => list === undefined)) {
    throw unreadable('the histograms have no bucket details', 'Ask the admin port with histogram_buckets=detailed.');
  }
  return new Map(details.flatMap((list) => list!.map(({ name, totals }) => [name, toHistogram(totals)])));
}

/** Counters and gauges of the same reply (text readouts left out). */
export function parseEnvoyCounters(json: string): Map<string, number> {
  return new Map(
    statsOf(json).flatMap((stat) =>
      'name' in stat && typeof stat.value === 'number' ? [[stat.name, stat.value] as const] : [],
    ),
  );
}

function toHistogram(totals: readonly DetailedBucket[]): LatencyHistogram {
  const histogram = emptyHistogram();
  const upperBoundsMs: number[] = [];
  const cumulative: number[] = [];
  let count = 0;
  for (const bucket of [...totals].sort((a, b) => a.lower_bound - b.lower_bound)) {
    const lower = bucket.lower_bound;
    const upper = Math.max(round(lower + bucket.width), Math.floor(lower) + 1);
    // Buckets without samples are not printed: the gap becomes a bucket of its own with nothing in it.
    if (lower > (upperBoundsMs.at(-1) ?? 0)) {
      upperBoundsMs.push(lower);
      cumulative.push(count);
    }
    count += bucket.count;
    upperBoundsMs.push(upper);
    cumulative.push(count);
    histogram.sumMs += bucket.count * ((lower + upper) / 2);
  }
  return { ...histogram, upperBoundsMs: [...upperBoundsMs, Infinity], cumulative: [...cumulative, count] };
}

/** Bucket edges have two significant digits; sums of doubles do not. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}

function statsOf(json: string): StatsReply['stats'] {
  let reply: Partial<StatsReply> | null;
  try {
    reply = JSON.parse(json) as StatsReply | null;
  } catch {
    throw unreadable(`not JSON: ${json.slice(0, 80)}`);
  }
  if (!Array.isArray(reply?.stats)) throw unreadable('no "stats" in the reply');
  return reply.stats;
}

function unreadable(why: string, hint = 'Look at the raw reply in the evidence folder.'): MeshproofError {
  return new MeshproofError('MESHPROOF_METRICS_UNREADABLE', `Envoy's stats cannot be read: ${why}`, hint);
}
