import type { Assertion } from '../judge/assertion.ts';
import type { MachineSelection } from '../judge/machine.ts';
import type { ArmResult } from './arm.ts';
import type { Check } from './judging.ts';

/** Where it is told how busy the machine was while the arm's figures were taken. */
export function machineOf({ load, pressure, windows }: ArmResult): MachineSelection {
  return { load, pressure, window: windows.fault };
}

/** First of an arm's validity checks: a machine that is too busy says nothing about a mesh. */
export function quiet(check: Check, arm: ArmResult): Promise<Assertion> {
  return check(
    'quiet',
    'The machine had time for the experiment',
    'machine-quiet',
    machineOf(arm),
    'Run it again on a machine that does less beside it, or with lower rates.',
  );
}
