import type { Assertion, Role } from '../judge/assertion.ts';
import type { EvidenceReader } from '../evidence/reader.ts';
import { judge, type RuleInputs, type RuleName } from '../judge/recompute.ts';

/** What the assertions of one part of an experiment have in common. */
export interface Ground {
  /** Before `/<what>` in their ids: `retries-recover-errors/control`. */
  prefix: string;
  arm?: 'control' | 'treatment';
  /** Default: `control` for the control arm, else `claim`. */
  role?: Role;
  /** Controls and validity checks that these build on. */
  given?: readonly Assertion[];
}

/** `what` completes the id; the title says what holds if it passes; the hint, what to look at if it does not. */
export type Check = <Name extends RuleName>(
  what: string,
  title: string,
  rule: Name,
  inputs: RuleInputs[Name],
  hint?: string,
) => Promise<Assertion>;

/** Judges from evidence, and keeps the assertions in the order in which they were judged. */
export class Judging {
  readonly assertions: Assertion[] = [];
  readonly #evidence: EvidenceReader;

  constructor(evidence: EvidenceReader) {
    this.#evidence = evidence;
  }

  /** Each assertion is given back too, for those that build on it. */
  on({ prefix, ...common }: Ground): Check {
    return async (what, title, rule, inputs, hint) => {
      const about = { ...common, id: `${prefix}/${what}`, title, ...(hint !== undefined && { hint }) };
      const done = await judge(rule, inputs, about, this.#evidence);
      this.assertions.push(done);
      return done;
    };
  }
}
