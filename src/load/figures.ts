import { hostTime } from '../base/host-time.ts';
import { nearestRank } from '../base/quantile.ts';
import { within, type Window } from '../base/window.ts';
import type { LoadFigures } from '../observe/telemetry/golden.ts';
import { type LoadSample } from './load.ts';

/** One second of load; `t` counts whole seconds since the beginning. */
export interface SeriesPoint {
  t: number;
  rps: number;
  errorsPerSecond: number;
  p50Ms: number | null;
  p99Ms: number | null;
}

/** Requests that started in the window, whenever they ended (docs/design.md, phases). */
export function inWindow(samples: readonly LoadSample[], window: Window): LoadSample[] {
  return samples.filter((sample) => within(window, hostTime(sample)));
}

/**
 * Figures of a phase. Quantiles are by nearest rank (a latency that was measured, never one in between) over all requests,
 * failed ones too; NaN without any. k6 does not say when it dropped iterations: `dropped` is given for the whole run.
 */
export function phaseFigures(samples: readonly LoadSample[], window: Window, dropped = 0): LoadFigures {
  const phase = inWindow(samples, window);
  const seconds = (window.toMs - window.fromMs) / 1000;
  const errors = phase.filter((sample) => !sample.ok).length;
  const durations = sortedDurations(phase);
  return {
    requests: phase.length,
    rps: phase.length / seconds,
    errorsPerSecond: errors / seconds,
    successRate: phase.length === 0 ? Number.NaN : (phase.length - errors) / phase.length,
    p50Ms: nearestRank(durations, 0.5),
    p95Ms: nearestRank(durations, 0.95),
    p99Ms: nearestRank(durations, 0.99),
    dropped,
  };
}

/** A point for every second that began in the window, those without requests too. */
export function series(samples: readonly LoadSample[], window: Window): SeriesPoint[] {
  const seconds: LoadSample[][] = Array.from(
    { length: Math.max(0, Math.ceil((window.toMs - window.fromMs) / 1000)) },
    () => [],
  );
  for (const sample of inWindow(samples, window))
    seconds[Math.floor((hostTime(sample) - window.fromMs) / 1000)]?.push(sample);
  return seconds.map((second, t) => {
    const durations = sortedDurations(second);
    const quantile = (q: number): number | null => (durations.length === 0 ? null : nearestRank(durations, q));
    return {
      t,
      rps: second.length,
      errorsPerSecond: second.filter((sample) => !sample.ok).length,
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
    };
  });
}

function sortedDurations(samples: readonly LoadSample[]): Float64Array {
  return Float64Array.from(samples, (sample) => sample.durationMs).sort();
}
