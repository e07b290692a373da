import type { Assertion } from '../judge/assertion.ts';
import type { Verdict } from '../report/model.ts';
import type { RunOutcome } from '../run/run.ts';

/** What became of a run: the verdict, every assertion, and `dir` with the report and its evidence. */
export interface Result extends RunOutcome {
  verdict: Verdict;
  /** Of all scenarios, then of the run itself (residue, cleanup). */
  assertions: Assertion[];
}

export function resultOf(outcome: RunOutcome): Result {
  const { report } = outcome;
  const assertions = [...report.scenarios.flatMap((scenario) => scenario.assertions), ...report.assertions];
  return { ...outcome, verdict: report.verdict, assertions };
}
