import { setMaxListeners } from 'node:events';
import { startTimer } from '../base/clock.ts';
import { MeshproofError } from '../base/errors.ts';

export interface Interrupts extends Disposable {
  readonly signal: AbortSignal;
  readonly interrupted: boolean;
}

/**
 * Ctrl-C, SIGTERM and the run's own deadline as one AbortSignal. npm sends a second SIGINT for one Ctrl-C, so signals within
 * a second of the first count as one; a later one gives up on cleanup (the next `up` or `down` reaps the lab).
 */
export function watchInterrupts(options: {
  timeoutMs?: number | undefined;
  onSecond: () => void;
  onFirst: (why: string) => void;
}): Interrupts {
  const controller = new AbortController();
  // A dozen captures and as many waits listen at once; each takes its listener back.
  setMaxListeners(0, controller.signal);
  let interruptedAt: number | undefined;
  const handler = (name: NodeJS.Signals): void => {
    if (interruptedAt === undefined) {
      interruptedAt = performance.now();
      options.onFirst(name);
      controller.abort(
        new MeshproofError(
          'MESHPROOF_INTERRUPTED',
          `Interrupted by ${name}`,
          'Cleaning up; a second Ctrl-C gives up on that.',
        ),
      );
    } else if (performance.now() - interruptedAt > 1000) {
      options.onSecond();
    }
  };
  process.on('SIGINT', handler);
  process.on('SIGTERM', handler);
  process.on('SIGHUP', handler);
  const { timeoutMs } = options;
  const timer =
    timeoutMs === undefined
      ? undefined
      : startTimer(timeoutMs, () => {
          controller.abort(
            new MeshproofError(
              'MESHPROOF_TIMEOUT',
              `The run did not end within its --timeout of ${Math.round(timeoutMs / 1000)} s`,
              'Give it more time, or fewer scenarios.',
            ),
          );
        }).unref();
  return {
    signal: controller.signal,
    get interrupted() {
      return interruptedAt !== undefined;
    },
    [Symbol.dispose]: () => {
      timer?.[Symbol.dispose]();
      process.off('SIGINT', handler);
      process.off('SIGTERM', handler);
      process.off('SIGHUP', handler);
    },
  };
}
