import { nothing, rateText, shareText } from '../report/html/words.ts';
import { shortQuantile, type Quantiles } from '../report/signal-text.ts';

/** What a terminal shows where nothing was measured. */
export const none = '-';

const plain = (text: string): string => (text === nothing ? none : text);

/** `99.76 %` */
export function share(value: number | null): string {
  return plain(shareText(value));
}

/** `12.3`; nothing for a rate of nothing. */
export function rate(value: number | null): string {
  return plain(rateText(value === 0 ? null : value));
}

/** `30 ms`, or `≤ 25 ms` where the proxy has coarse buckets. */
export function latency(signals: Quantiles, quantile: 'p50' | 'p95' | 'p99'): string {
  return plain(shortQuantile(signals, quantile));
}

/** Latencies come later than counts: without a request in the window they are those of earlier ones. */
export function quantilesOf({ successRate, ...signals }: Quantiles & { successRate: number | null }): Quantiles {
  if (successRate === null) return { p50Ms: null, p95Ms: null, p99Ms: null };
  const { p50Ms, p95Ms, p99Ms, intervalsMs } = signals;
  return { p50Ms, p95Ms, p99Ms, ...(intervalsMs && { intervalsMs }) };
}
