import type { Assertion } from '../assertion.ts';
import type { ArmReport } from '../../report/model.ts';

/** An arm as an experiment ran it, before anybody judged whether it counts. */
export type RunArm = Omit<ArmReport, 'status' | 'problems'>;

/**
 * An arm is `invalid` when its experiment did not take place as it must: a validity check of it (the load, the fault), or
 * in the control arm a control, does not hold. What it says of the mesh is for its claims.
 */
export function judgeArm(arm: RunArm, assertions: readonly Assertion[]): ArmReport {
  const broken = assertions.filter(
    ({ arm: of, status, recompute }) => of === arm.name && status !== 'pass' && isPremise(recompute?.role),
  );
  const { name, phases, faults, wire } = arm;
  return {
    name,
    status: broken.length === 0 ? 'pass' : 'invalid',
    problems: broken.map(({ title, observed }) => `${title}: ${observed}`),
    phases,
    faults,
    wire,
  };
}

function isPremise(role: string | undefined): boolean {
  return role === 'validity' || role === 'control';
}
