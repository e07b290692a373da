import { messageOf } from '../base/errors.ts';
import type { Assertion, Recompute, Role, Status } from './assertion.ts';
import type { EvidencePath } from '../evidence/path.ts';
import { controlled, type Judged } from './combine.ts';
import type { EvidenceReader } from '../evidence/reader.ts';
import { evidencePaths, type Rule, type RulesFor } from './rule.ts';
import { edgeRules, type EdgeRules } from './rules/edge-rules.ts';
import { ledgerRules, type LedgerRules } from './rules/ledger-rules.ts';
import { loadRules, type LoadRules } from './rules/load-rules.ts';
import { machineRules, type MachineRules } from './rules/machine-rules.ts';
import { meshMetricsRules, type MeshMetricsRules } from './rules/mesh-metrics-rules.ts';
import { overheadRules, type OverheadRules } from './rules/overhead-rules.ts';
import { proxyRules, type ProxyRules } from './rules/proxy-rules.ts';
import { saturationRules, type SaturationRules } from './rules/saturation-rules.ts';
import { stateRules, type StateRules } from './rules/state-rules.ts';
import { wireRules, type WireRules } from './rules/wire-rules.ts';

/** Inputs of every rule, by its name. */
export interface RuleInputs
  extends
    EdgeRules,
    LoadRules,
    LedgerRules,
    MachineRules,
    MeshMetricsRules,
    OverheadRules,
    ProxyRules,
    SaturationRules,
    WireRules,
    StateRules {}
export type RuleName = keyof RuleInputs;

const rules: RulesFor<RuleInputs> = {
  ...edgeRules,
  ...loadRules,
  ...ledgerRules,
  ...machineRules,
  ...meshMetricsRules,
  ...overheadRules,
  ...proxyRules,
  ...saturationRules,
  ...wireRules,
  ...stateRules,
};

/** What the runner says about an assertion; everything else the rule says. */
export interface About {
  /** `<scenario>/<what>`, unique in the run. */
  id: string;
  title: string;
  arm?: 'control' | 'treatment';
  /** Default: `control` for the control arm, else `claim`. Name `validity` for "the fault bit", "the load was sufficient". */
  role?: Role;
  /** Its controls and validity checks, judged before: unless all of them pass, a pass of this one becomes `invalid`. */
  given?: readonly Assertion[];
  hint?: string;
  /** More evidence to link; the paths among the inputs are linked anyway. */
  evidence?: EvidencePath[];
}

/**
 * Judges by a named rule, from evidence files alone; live runs and `report check` use the same code. Evidence that is
 * missing or damaged gives `error`, it does not throw.
 */
export async function judge<Name extends RuleName>(
  rule: Name,
  inputs: RuleInputs[Name],
  about: About,
  evidence: EvidenceReader,
): Promise<Assertion> {
  const role = about.role ?? (about.arm === 'control' ? 'control' : 'claim');
  const recompute: Recompute = {
    rule,
    // As report.json will hold them: the same inputs in both judgements.
    inputs: JSON.parse(JSON.stringify(inputs)) as Record<string, unknown>,
    role,
    ...(about.given && { given: about.given.map(({ id }) => id) }),
  };
  const { expected, status, observed } = await evaluate(recompute, about.given ?? [], evidence);
  return {
    id: about.id,
    title: about.title,
    status,
    expected,
    observed,
    ...(about.hint !== undefined && { hint: about.hint }),
    evidence: [...new Set([...evidencePaths(inputs), ...(about.evidence ?? [])])],
    ...(about.arm && { arm: about.arm }),
    recompute,
  };
}

/** An assertion that this mesh or lab cannot be asked; the reason is shown, never dropped. */
export function skipped(about: Omit<About, 'given' | 'role'> & { expected: string; reason: string }): Assertion {
  const { id, title, expected, reason, arm, hint, evidence = [] } = about;
  return {
    id,
    title,
    status: 'skipped',
    expected,
    observed: reason,
    ...(hint !== undefined && { hint }),
    evidence,
    ...(arm && { arm }),
  };
}

export interface Evaluation {
  status: Status;
  expected: string;
  observed: string;
}

/** What a judgement needs to know of its premises. */
export type Premise = Pick<Assertion, 'id' | 'title' | 'status' | 'observed' | 'recompute'>;

/** The judgement itself. `given` are the assertions the recompute names, as they were judged. */
export async function evaluate(
  recompute: Recompute,
  given: readonly Premise[],
  evidence: EvidenceReader,
): Promise<Evaluation> {
  if (!Object.hasOwn(rules, recompute.rule)) {
    return { status: 'error', expected: '', observed: `there is no rule ${recompute.rule}` };
  }
  const rule = rules[recompute.rule as RuleName] as Rule<unknown>;
  let expected = '';
  try {
    expected = rule.expected(recompute.inputs);
    const outcome = await rule.judge(recompute.inputs, evidence);
    return { expected, ...underPremises(byRole(outcome, recompute.role ?? 'claim'), given) };
  } catch (error) {
    return { status: 'error', expected, observed: messageOf(error) };
  }
}

/** A control or a validity check that does not hold says nothing about the mesh. */
function byRole(outcome: Judged, role: Role): Judged {
  if (role === 'claim' || outcome.status !== 'fail') return outcome;
  const why = role === 'control' ? 'the control did not fail as it must' : 'the experiment does not count';
  return { status: 'invalid', observed: `${outcome.observed}: ${why}` };
}

function underPremises(treatment: Judged, given: readonly Premise[]): Judged {
  const broken = given.find(({ status }) => status !== 'pass');
  // An experiment that did not take place (too little load, a fault that did not bite) proves no failure either.
  const invalidExperiment = given.find(({ status, recompute }) => status !== 'pass' && recompute?.role === 'validity');
  if (treatment.status === 'fail' && invalidExperiment) {
    return {
      status: 'invalid',
      observed: `${treatment.observed}; no conclusion: ${invalidExperiment.title}: ${invalidExperiment.observed}`,
    };
  }
  return controlled({
    control: { failedAsItMust: broken === undefined, observed: broken ? `${broken.title}: ${broken.observed}` : '' },
    treatment,
  });
}
