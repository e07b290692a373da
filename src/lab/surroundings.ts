import type { Clock } from '../base/clock.ts';
import type { Progress } from '../base/progress.ts';
import type { RollbackRegistrar } from '../base/rollback-registrar.ts';
import type { Evidence } from '../evidence/store.ts';

/** What a run gives to everything it calls. */
export interface Surroundings {
  evidence: Evidence;
  rollback: RollbackRegistrar;
  progress: Progress;
  signal: AbortSignal;
  clock: Clock;
}
