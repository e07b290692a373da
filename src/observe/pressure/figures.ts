import type { Window } from '../../base/window.ts';
import type { PressureFacts, PressureSample } from './pressure.ts';

/** Shares are 0..1; undefined where the machine does not tell. */
export interface PressureFigures {
  seconds: number;
  /** Of the time: at least one task waited for a CPU. */
  waiting?: number | undefined;
  /** Tasks that ran or could have run, per core, on average over the looks: 1 is a core that is just used up. */
  runnablePerCore?: number | undefined;
  /** Of all cores' time: work; taken away by the hypervisor. */
  busy?: number | undefined;
  steal?: number | undefined;
  /** Of the quota's periods: used up before their end. */
  throttled?: number | undefined;
}

/** Figures of a window, between the looks that enclose it; of everything observed without one. Undefined below two looks. */
export function pressureFigures({ cores, samples }: PressureFacts, window?: Window): PressureFigures | undefined {
  const seen = window === undefined ? samples : enclosing(samples, window);
  const [first, last] = [seen[0], seen.at(-1)];
  if (first === undefined || last === undefined || last.at <= first.at) return undefined;
  const grown = (of: (sample: PressureSample) => number | undefined): number | undefined => {
    const [before, after] = [of(first), of(last)];
    return before === undefined || after === undefined ? undefined : after - before;
  };
  // The kernel's counters lag behind a look by up to some hundred ms: more than all of the time is all of it.
  const share = (part: number | undefined, whole: number | undefined): number | undefined =>
    part === undefined || whole === undefined || whole <= 0 ? undefined : Math.min(1, part / whole);
  const ticks = grown(({ totalTicks }) => totalTicks);
  const runnable = seen.flatMap((sample) => (sample.runnable === undefined ? [] : [sample.runnable]));
  return {
    seconds: (last.at - first.at) / 1000,
    waiting: share(
      grown(({ waitingUs }) => waitingUs),
      (last.at - first.at) * 1000,
    ),
    runnablePerCore:
      runnable.length === 0 || cores === 0
        ? undefined
        : runnable.reduce((sum, value) => sum + value, 0) / runnable.length / cores,
    busy: share(
      grown(({ busyTicks }) => busyTicks),
      ticks,
    ),
    steal: share(
      grown(({ stealTicks }) => stealTicks),
      ticks,
    ),
    throttled: share(
      grown(({ throttled }) => throttled),
      grown(({ periods }) => periods),
    ),
  };
}

function enclosing(samples: readonly PressureSample[], { fromMs, toMs }: Window): readonly PressureSample[] {
  const after = samples.findIndex(({ at }) => at > fromMs);
  const last = samples.findIndex(({ at }) => at >= toMs);
  return samples.slice(Math.max(0, (after < 0 ? samples.length : after) - 1), last < 0 ? undefined : last + 1);
}
