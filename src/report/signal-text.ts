import { milliseconds } from '../base/words.ts';
import type { GoldenSignals } from '../observe/telemetry/golden.ts';
import { msText, nothing } from './html/words.ts';

type Quantile = 'p50' | 'p95' | 'p99';
export type Quantiles = Pick<GoldenSignals, `${Quantile}Ms` | 'intervalsMs'>;

/** A quantile; where only its bucket is known, that: `5 ms to 10 ms`, `more than 10 s`. A dash where nothing was measured. */
export function quantileText(signal: Quantiles, name: Quantile): string {
  const point = signal[`${name}Ms`];
  const interval = signal.intervalsMs?.[name];
  if (point !== null || interval === undefined) return msText(point);
  const [low, high] = interval;
  return high === null ? `more than ${milliseconds(low)}` : `${milliseconds(low)} to ${milliseconds(high)}`;
}

/** As above where there is little room: `30 ms`, `≤ 25 ms`, `> 10000 ms`. */
export function shortQuantile(signal: Quantiles, name: Quantile): string {
  const point = signal[`${name}Ms`];
  const interval = signal.intervalsMs?.[name];
  if (point !== null) return `${short(point)} ms`;
  if (interval === undefined) return nothing;
  return interval[1] === null ? `> ${interval[0]} ms` : `≤ ${interval[1]} ms`;
}

/** Two digits where that says enough: `6.4`, `34`. */
export function short(value: number): string {
  return String(value >= 10 ? Math.round(value) : Number(value.toFixed(1)));
}

/** The scenario whose golden signals are shown first: the one that is about them. */
export function signalsScenario(signals: readonly GoldenSignals[]): string | undefined {
  return (signals.find(({ scenario }) => scenario.includes('golden')) ?? signals[0])?.scenario;
}
