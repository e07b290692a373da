import { boundsText, calmText, readMachine, type MachineSelection } from '../machine.ts';
import { invalid, passIf, type RulesFor } from '../rule.ts';

export interface MachineRules {
  /** Validity: the load was started in time and the machine had CPUs to spare. Never `fail`: it says nothing about a mesh. */
  'machine-quiet': MachineSelection;
  /**
   * Validity of a trial that was tried once more: its first try may only be set aside for the machine's sake, in one arm at
   * least, and never for what it found.
   */
  'machine-was-busy': { arms: MachineSelection[] };
}

export const machineRules: RulesFor<MachineRules> = {
  'machine-quiet': {
    expected: boundsText,
    judge: async (inputs, evidence) => {
      const { busy, seen } = await readMachine(inputs, evidence);
      if (busy.length > 0) return invalid(`the machine was too busy: ${busy.join('; ')}`);
      return seen === '' ? invalid('nothing tells how busy the machine was') : passIf(true, seen);
    },
  },
  'machine-was-busy': {
    expected: () => `not: ${calmText()}`,
    judge: async ({ arms }, evidence) => {
      const states = await Promise.all(arms.map((arm) => readMachine(arm, evidence)));
      const busy = states.flatMap(({ notCalm }) => notCalm);
      if (busy.length > 0) return passIf(true, busy.join('; '));
      return passIf(false, `the machine was calm: ${states.map(({ seen }) => seen).join('; ')}`);
    },
  },
};
