import { startTimer, systemClock, type Clock } from './clock.ts';
import { MeshproofError, messageOf, type ErrorCode } from './errors.ts';
import { isRetryable } from './retryable.ts';

/** One look at the thing waited for: the value, or why it is not there yet (shown when the deadline passes). */
export type Look<T> = { ready: T } | { pending: string };

export interface PollOptions {
  /** Whose budget this is, as in "waiting for trips to be ready". */
  what: string;
  timeoutMs: number;
  intervalMs?: number | undefined;
  signal?: AbortSignal | undefined;
  clock?: Clock | undefined;
  code?: ErrorCode | undefined;
  hint?: string | undefined;
  /** Resolves when there is reason to look before the interval is over. */
  changed?: (() => Promise<void>) | undefined;
  /** Called whenever the reason for waiting changes; for progress lines. */
  onPending?: ((reason: string) => void) | undefined;
}

/** A look that is under way when the deadline passes may still end within this. */
const lastLookMs = 2000;
/** Nobody is left alone for longer, whatever it asks for: the reason for waiting may be gone. */
const longestPauseMs = 10_000;

/**
 * Looks until the thing is ready. A look that throws a retryable error (see isRetryable) counts as "not yet", and the
 * next one is made no sooner than the error asks for (`retryAfterMs`); any other throw ends the wait at once, as it
 * will not get better. A look that hangs ends with the wait.
 *
 * @throws MeshproofError with `code` (default MESHPROOF_TIMEOUT), naming the owner, the budget and the last reason; its
 * `cause` is the error that the last look threw, if it did.
 */
export async function pollUntil<T>(look: () => Promise<Look<T>>, options: PollOptions): Promise<T> {
  const { what, timeoutMs, intervalMs = 100, signal, clock = systemClock } = options;
  const deadline = clock.monotonicMs() + timeoutMs;
  let reason = 'not looked at yet';
  for (;;) {
    signal?.throwIfAborted();
    let pauseMs = intervalMs;
    let next: string;
    let cause: unknown;
    try {
      const seen = await atMost(look(), Math.max(0, deadline - clock.monotonicMs()) + lastLookMs, signal);
      if (seen !== undefined && 'ready' in seen) return seen.ready;
      next = seen?.pending ?? `${reason} (and the last look hangs)`;
    } catch (error) {
      if (!isRetryable(error)) throw error;
      cause = error;
      next = messageOf(error);
      if (error instanceof MeshproofError) {
        pauseMs = Math.max(pauseMs, Math.min(error.retryAfterMs ?? 0, longestPauseMs));
      }
    }
    if (next !== reason) options.onPending?.(next);
    reason = next;
    const leftMs = deadline - clock.monotonicMs();
    if (leftMs <= 0) {
      throw new MeshproofError(
        options.code ?? 'MESHPROOF_TIMEOUT',
        `${what}: not there after ${(timeoutMs / 1000).toFixed(1)} s: ${reason}`,
        options.hint ?? 'See the logs named above, or give it more time with --timeout.',
        { cause },
      );
    }
    // A look that failed is not made again sooner, whatever has changed.
    await sleepUntil(clock, Math.min(pauseMs, leftMs), cause === undefined ? options.changed : undefined, signal);
  }
}

async function sleepUntil(
  clock: Clock,
  ms: number,
  changed: (() => Promise<void>) | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (changed === undefined) return await clock.sleep(ms, signal);
  const awake = new AbortController();
  const asleep = clock.sleep(ms, signal ? AbortSignal.any([signal, awake.signal]) : awake.signal);
  asleep.catch(() => {});
  await Promise.race([asleep, changed()]);
  awake.abort();
}

/** The result, or undefined when it takes longer; the signal's reason when that comes first. Real time: a look may do real work. */
async function atMost<T>(work: Promise<T>, ms: number, signal: AbortSignal | undefined): Promise<T | undefined> {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  let onLate = (): void => {};
  const late = new Promise<undefined>((resolve) => (onLate = () => resolve(undefined)));
  using _timer = startTimer(ms, onLate);
  try {
    return await Promise.race([work, late, aborted]);
  } finally {
    if (onAbort) signal?.removeEventListener('abort', onAbort);
  }
}
