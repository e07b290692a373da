import type { EvidencePath } from '../evidence/path.ts';
import type { Lab } from '../lab/lab.ts';
import type { Surroundings } from '../lab/surroundings.ts';

/** Everything an experiment may use. One per run. */
export interface RunContext extends Surroundings {
  lab: Lab;
  /** Unique to the run; planted in requests so that a capture can look for it. */
  token: string;
  /** Health before and after everything, as evidence; for claims of the end. @throws TypeError before it was taken */
  health(): { before: EvidencePath; after: EvidencePath };
}
