import type { LoadFacts } from '../judge/rules/load-rules.ts';
import type { Window } from '../base/window.ts';
import { phaseFigures, series } from '../load/figures.ts';
import type { LoadResult } from '../load/load.ts';
import type { PhaseReport } from '../report/model.ts';
import type { LoadFigures } from '../observe/telemetry/golden.ts';

/** Figures of a window of one load. */
export function figuresOf(result: LoadResult, window: Window): LoadFigures {
  return phaseFigures(result.samples, window, result.droppedIterations);
}

/** A point a second; `t` counts from the beginning of the arm's load, so that the phases of an arm join up. */
export function seriesOf(result: LoadResult, window: Window, start: number): PhaseReport['series'] {
  const offset = Math.round((window.fromMs - start) / 1000);
  return series(result.samples, window).map((point) => ({
    ...point,
    t: point.t + offset,
  }));
}

/** What k6 reported besides samples, as evidence. */
export function loadFacts({ exitCode, droppedIterations, problems }: LoadResult): LoadFacts {
  return { exitCode, droppedIterations, problems };
}
