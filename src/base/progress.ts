/** A finished step, for the report's `timings[]`. */
export interface Timing {
  step: string;
  ms: number;
}

/**
 * What long work tells the person who waits. Writers live in cli/ (TTY redraw, plain lines); libraries only call this.
 */
export interface Progress {
  /** Runs a step, shows it while it lasts (with elapsed time after a second) and records its timing. */
  step<T>(title: string, work: (detail: (text: string) => void) => Promise<T>): Promise<T>;
  info(text: string): void;
  warn(text: string): void;
}

/** Says nothing. For tests and library use. @param timings a sink for how long steps took */
export function silentProgress(timings: Timing[] = []): Progress {
  return timedProgress({ step: (_title, work) => work(() => {}), info: () => {}, warn: () => {} }, timings);
}

/** The same, with the time of each step noted. */
export function timedProgress(progress: Progress, timings: Timing[]): Progress {
  return {
    async step(title, work) {
      const start = performance.now();
      try {
        return await progress.step(title, work);
      } finally {
        timings.push({ step: title, ms: Math.round(performance.now() - start) });
      }
    },
    info: (text) => progress.info(text),
    warn: (text) => progress.warn(text),
  };
}
