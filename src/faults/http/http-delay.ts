import { z } from 'zod';
import { percent } from '../injectors/point/envoy-config.ts';
import type { Calibration, PointEntry } from '../injectors/point/point-log.ts';
import type { KindMeasure } from '../injectors/point/point-fault.ts';
import { defineHttpFault } from './http-fault.ts';

/** Off by more than this, the delay is not the one that was asked for (issue, part 7). */
const toleranceMs = 5;
/** Fewer uncancelled requests than this do not make a median. */
const minSamples = 3;

/** The app gets a share of its requests later, by a fixed time. */
export const httpDelay = defineHttpFault({
  kind: 'http-delay',
  title: 'Holds a share of requests for a fixed time',
  fields: { delayMs: z.number().int().min(1).max(600_000) },
  effect: 'delay',
  envoyFault: (spec, percentage) => ({
    delay: { fixed_delay: `${spec.delayMs / 1000}s`, percentage: percent(percentage) },
  }),
  asked: (spec) => ({ percentage: spec.percentage, delayMs: spec.delayMs, pathPrefix: spec.pathPrefix ?? '/' }),
  holdsMs: (spec) => spec.delayMs,
  measure(spec, entries, calibration): KindMeasure {
    const found = calibrate(entries, calibration);
    if (!found)
      return { measured: {}, problems: ['no delayed request ran to its end: the delay could not be calibrated'] };
    const { delayMs, samples, from } = found;
    const off = Math.abs(delayMs - spec.delayMs);
    return {
      measured: { delayMs: Math.round(delayMs * 1000) / 1000, calibratedOn: `${samples} ${from}` },
      problems:
        off > toleranceMs ? [`the calibrated delay is ${delayMs.toFixed(1)} ms, asked were ${spec.delayMs} ms`] : [],
    };
  },
});

/**
 * The time the fault point held a request before it went on to the app, less the same time of undelayed requests. A
 * caller that cancels at its timeout leaves no such request: then the point's own calibration requests count.
 */
function calibrate(
  entries: readonly PointEntry[],
  calibration: Calibration,
): { delayMs: number; samples: number; from: string } | undefined {
  const held = entries.filter((entry) => entry.heldMs !== undefined && !entry.cancelled);
  const delayed = held.filter((entry) => entry.injected === 'delay').map((entry) => entry.heldMs ?? 0);
  if (delayed.length >= minSamples) {
    const undelayed = held.filter((entry) => !entry.injected).map((entry) => entry.heldMs ?? 0);
    return {
      delayMs: median(delayed) - (undelayed.length > 0 ? median(undelayed) : 0),
      samples: delayed.length,
      from: 'uncancelled requests',
    };
  }
  const on = calibration.on
    .filter((entry) => entry.injected === 'delay' && !entry.cancelled)
    .map((entry) => entry.durationMs);
  const off = calibration.off.map((entry) => entry.durationMs);
  if (on.length === 0 || off.length === 0) return undefined;
  return { delayMs: median(on) - median(off), samples: on.length, from: 'calibration requests' };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}
