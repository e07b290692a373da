import { systemClock, type Clock } from './clock.ts';
import { MeshproofError, messageOf, type ErrorCode } from './errors.ts';

/** One look at the thing waited for: the value, or why it is not there yet (shown when the deadline passes). */
export type Look<T> = { ready: T } | { pending: string };

export interface PollOptions {
  /** Whose budget this is, as in "waiting for trips to be ready". */
  what: string;
  timeoutMs: number;
  intervalMs?: number;
  signal?: AbortSignal;
  clock?: Clock;
  code?: ErrorCode;
  hint?: string;
  /** Called whenever the reason for waiting changes; for progress lines. */
  onPending?: (reason: string) => void;
}

/**
 * Looks until the thing is ready. A throw of a MeshproofError ends the wait at once (it will not get better);
 * any other throw counts as "not yet".
 *
 * @throws MeshproofError with `code` (default MESHPROOF_TIMEOUT), naming the owner, the budget and the last reason.
 */
export async function pollUntil<T>(look: () => Promise<Look<T>>, options: PollOptions): Promise<T> {
  const { what, timeoutMs, intervalMs = 100, signal, clock = systemClock } = options;
  const deadline = clock.monotonicMs() + timeoutMs;
  let reason = 'not looked at yet';
  for (;;) {
    signal?.throwIfAborted();
    let next: string;
    try {
      const seen = await look();
      if ('ready' in seen) return seen.ready;
      next = seen.pending;
    } catch (error) {
      if (error instanceof MeshproofError) throw error;
      next = messageOf(error);
    }
    if (next !== reason) options.onPending?.(next);
    reason = next;
    if (clock.monotonicMs() >= deadline) {
      throw new MeshproofError(
        options.code ?? 'MESHPROOF_TIMEOUT',
        `${what}: not there after ${(timeoutMs / 1000).toFixed(1)} s: ${reason}`,
        options.hint ?? 'See the logs named above, or give it more time with --timeout.',
      );
    }
    await clock.sleep(intervalMs, signal);
  }
}
