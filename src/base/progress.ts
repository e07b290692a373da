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

/** Says nothing, still records timings when given a sink. For tests and library use. */
export function silentProgress(timings: Timing[] = []): Progress {
  return {
    async step(title, work) {
      const start = performance.now();
      try {
        return await work(() => {});
      } finally {
        timings.push({ step: title, ms: Math.round(performance.now() - start) });
      }
    },
    info: () => {},
    warn: () => {},
  };
}
