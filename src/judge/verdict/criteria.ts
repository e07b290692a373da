import { roleOf, type Assertion, type Status } from '../assertion.ts';
import { plural } from '../../base/words.ts';
import type { Criterion, ScenarioReport } from '../../report/model.ts';
import { claimHeld, noClaimHeld, statusOf } from './status-of.ts';

/** A success criterion as a suite defines it; `words` name the arms in its sentence: `With retries switched off`. */
export interface CriterionDefinition {
  id: string;
  title: string;
  words?: { control: string; treatment: string } | undefined;
}

/**
 * Judges each criterion by the scenarios that name it, and says why in words that need no knowledge of the mesh. Without a
 * claim that passed there is no pass, whatever its scenarios say of themselves.
 */
export function criteria(
  scenarios: readonly ScenarioReport[],
  definitions: readonly CriterionDefinition[],
): Criterion[] {
  return definitions.map((definition) => {
    const own = scenarios.filter(({ criterion }) => criterion === definition.id);
    const { id, title, words } = definition;
    const named = { id, title, scenarios: own.map((scenario) => scenario.id), ...(words && { words }) };
    if (own.length === 0) return { ...named, status: 'invalid', why: 'No scenario of this run examined it.' };
    const assertions = own.flatMap((scenario) => scenario.assertions);
    const stated = statusOf(own.map((scenario) => scenario.status));
    const status: Status = stated === 'pass' && !claimHeld(assertions) ? 'invalid' : stated;
    const control = controlHalf(assertions, words?.control ?? 'Without it');
    const treatment = treatmentHalf(assertions, words?.treatment ?? 'With it');
    const reason = status === 'pass' ? undefined : reasonOf(own);
    return {
      ...named,
      status,
      why: [control, treatment, reason].filter((half) => half !== undefined).join(' '),
      ...(control && { control }),
      ...(treatment && { treatment }),
    };
  });
}

function controlHalf(assertions: readonly Assertion[], words: string): string | undefined {
  const controls = assertions.filter((assertion) => roleOf(assertion) === 'control');
  if (controls.length === 0) return undefined;
  const stubborn = controls.find(({ status }) => status !== 'pass');
  if (stubborn) return `${words}, the failure could not be shown: ${observedOf(stubborn)}.`;
  return `${words}, it failed as it must: ${observedOf(controls[0]!)}${others(controls.length - 1)}.`;
}

function treatmentHalf(assertions: readonly Assertion[], words: string): string | undefined {
  const claims = assertions.filter((assertion) => roleOf(assertion) === 'claim');
  if (claims.length === 0) return undefined;
  const broken = claims.find(({ status }) => status === 'fail');
  if (broken) {
    const also = claims.filter(({ status }) => status === 'fail').length - 1;
    return `${words}, it did not hold: ${observedOf(broken)} (expected: ${broken.expected}${also > 0 ? `; ${plural(also, 'more check')} failed` : ''}).`;
  }
  const held = claims.filter(({ status }) => status === 'pass');
  if (held.length === 0) return undefined;
  return `${words}, it held: ${observedOf(held[0]!)}${others(held.length - 1)}.`;
}

function others(n: number): string {
  return n > 0 ? ` (and ${plural(n, 'more check')})` : '';
}

function observedOf({ observed }: Assertion): string {
  return observed.replace(/\.$/, '');
}

/** Why there is no pass, where the halves do not say it. */
function reasonOf(scenarios: readonly ScenarioReport[]): string | undefined {
  const open = scenarios.find(({ status }) => status !== 'pass' && status !== 'fail');
  if (!open) return scenarios.every(({ status }) => status === 'pass') ? `No conclusion: ${noClaimHeld}.` : undefined;
  const first =
    open.reason ||
    open.assertions.find(({ status }) => status === open.status)?.observed ||
    (open.assertions.length === 0 ? 'nothing was examined' : noClaimHeld);
  const words = { error: 'It could not be examined', invalid: 'No conclusion', skipped: 'Skipped' }[
    open.status as 'error' | 'invalid' | 'skipped'
  ];
  return `${words}: ${first.replace(/\.$/, '')}.`;
}
