import type { Assertion } from '../judge/assertion.ts';
import type { GoldenSignals } from '../observe/telemetry/golden.ts';
import type { RunArm } from '../judge/verdict/judge-arm.ts';
import type { Lab } from '../lab/lab.ts';
import type { Surroundings } from './surroundings.ts';

/** Everything an experiment may use. One per run; experiments run one after the other. */
export interface RunContext extends Surroundings {
  lab: Lab;
  /** Unique to the run; planted in requests so that a capture can look for it. */
  canary: string;
}

export interface ExperimentResult {
  arms: RunArm[];
  assertions: Assertion[];
  signals: GoldenSignals[];
}
