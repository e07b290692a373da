import type { Clock } from '../base/clock.ts';
import type { Progress } from '../base/progress.ts';
import type { Evidence } from '../evidence/store.ts';
import type { UndoStack } from './undo.ts';

/** What a run gives to everything it calls. */
export interface Surroundings {
  evidence: Evidence;
  undo: UndoStack;
  progress: Progress;
  signal: AbortSignal;
  clock: Clock;
}
