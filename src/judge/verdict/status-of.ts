import { worst } from '../combine.ts';
import { roleOf, type Assertion, type Status } from '../assertion.ts';

/**
 * Status of something made of parts: the worst of them. A skipped part does not hide what the others show; skipped only
 * if nothing else is there. No part at all is `invalid`: nothing was shown.
 */
export function statusOf(parts: Iterable<Status>): Status {
  const all = [...parts];
  const counted = all.filter((status) => status !== 'skipped');
  return worst(counted.length > 0 ? counted : all);
}

/** Why something without a failure is no pass either. */
export const noClaimHeld = 'no claim was shown to hold';

/** Whether a claim passed: controls and validity checks that pass say nothing about the mesh. */
export function claimHeld(assertions: readonly Assertion[]): boolean {
  return assertions.some((assertion) => assertion.status === 'pass' && roleOf(assertion) === 'claim');
}

/** Status of a scenario: of its assertions, and `invalid` where nothing failed and no claim passed. */
export function scenarioStatus(assertions: readonly Assertion[]): Status {
  const status = statusOf(assertions.map((assertion) => assertion.status));
  return status === 'pass' && !claimHeld(assertions) ? 'invalid' : status;
}
