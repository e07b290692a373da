import type { Clock } from '../base/clock.ts';

/** Lets the experiment run until a moment of the wall clock; at once when it has passed. */
export async function until(epochMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const left = epochMs - clock.now();
  if (left > 0) await clock.sleep(left, signal);
}
