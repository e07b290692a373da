import type { EvidencePath } from '../evidence/path.ts';

/** Worst first; see design part 1. */
export const statuses = ['fail', 'error', 'invalid', 'skipped', 'pass'] as const;
export type Status = (typeof statuses)[number];

/**
 * What an assertion is for. A `claim` that does not hold is a failure of the mesh. A `control` that does not hold (the
 * arm did not fail as it must) and a `validity` check that does not hold (the fault did not bite, the load was thin)
 * say nothing about the mesh: `invalid`.
 */
export type Role = 'claim' | 'control' | 'validity';

export interface Assertion {
  /** Stable: `retries-recover-errors/success-rate`. */
  id: string;
  title: string;
  status: Status;
  expected: string;
  observed: string;
  hint?: string;
  evidence: EvidencePath[];
  /** Which arm it speaks of; an assertion about the control says how the control failed, as it must. */
  arm?: 'control' | 'treatment';
  /** How to compute the status again from evidence, offline (`report check`). See assert/recompute.ts. */
  recompute?: Recompute | undefined;
}

export interface Recompute {
  rule: string;
  inputs: Record<string, unknown>;
  /** Default `claim`. */
  role?: Role;
  /** Ids of the assertions that must be `pass` for a pass of this one to count: its controls and validity checks. */
  given?: string[];
}

/** What an assertion is for; where nothing says so, one about the control arm is a control, any other a claim. */
export function roleOf({ recompute, arm }: Pick<Assertion, 'recompute' | 'arm'>): Role {
  return recompute?.role ?? (arm === 'control' ? 'control' : 'claim');
}
