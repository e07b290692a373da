import { setTimeout as delay } from 'node:timers/promises';

/** Time as the rest of meshproof sees it, so that tests can own it. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch: comparable with log and access-log timestamps. */
  now(): number;
  /** Never goes back; for durations and deadlines. */
  monotonicMs(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, { signal });
    } catch {
      throw signal?.reason ?? new Error('aborted');
    }
  },
};
