/** Time as the rest of meshproof sees it, so that tests can own it. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch: comparable with log and access-log timestamps. */
  now(): number;
  /** Never goes back; for durations and deadlines. */
  monotonicMs(): number;
  /** However long. Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Most that one `setTimeout` of Node takes (24.8 days); it fires at once for more, and for what is no number. */
const longestTimeoutMs = 2 ** 31 - 1;

export interface Timer extends Disposable {
  /** The process may end although it runs. */
  unref(): Timer;
}

/**
 * Calls `fire` once, after `ms` milliseconds however many they are (`Infinity`: never). Every duration that comes from
 * outside goes through here, not to `setTimeout`.
 *
 * @param longestMs for tests
 * @throws RangeError when `ms` is NaN
 */
export function startTimer(ms: number, fire: () => void, longestMs = longestTimeoutMs): Timer {
  if (Number.isNaN(ms)) throw new RangeError('a timer needs a number of milliseconds');
  const end = performance.now() + ms;
  let unreffed = false;
  let timeout: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    timeout = leftMs > longestMs ? setTimeout(() => arm(end - performance.now()), longestMs) : setTimeout(fire, leftMs);
    if (unreffed) timeout.unref();
  };
  arm(ms);
  const timer: Timer = {
    unref: () => {
      unreffed = true;
      timeout.unref();
      return timer;
    },
    [Symbol.dispose]: () => clearTimeout(timeout),
  };
  return timer;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const stop = (): void => {
        timer[Symbol.dispose]();
        reject(signal?.reason as Error);
      };
      const timer = startTimer(ms, () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      });
      signal?.addEventListener('abort', stop, { once: true });
    }),
};
