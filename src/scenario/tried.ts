import type { Tried } from '../capabilities/proof.ts';
import type { ClaimEntry, Subject } from '../claims/define-claim.ts';
import type { PolicyKind } from '../policies/index.ts';
import { claimOf, type Scenario } from './schema.ts';

/** What a scenario tries. @param subject of one of its trials; undefined: of the scenario as it is written */
export function triedOf(
  scenario: Scenario,
  subject?: Subject | undefined,
  claim: ClaimEntry = claimOf(scenario),
): Tried {
  const requires = typeof claim.requires === 'function' ? claim.requires(scenario) : claim.requires;
  const { arms, load } = scenario as {
    arms?: { treatment?: { policies?: { kind: PolicyKind }[] } };
    load?: { each?: string };
  };
  const asked = arms?.treatment?.policies?.map(({ kind }) => kind) ?? [];
  return {
    scenario: scenario.id,
    claim: claim.kind,
    policies: [...new Set([...(requires.policies ?? []), ...asked])],
    route: subject === undefined ? load?.each !== undefined : subject.route !== undefined,
  };
}
