import { boundsText, readMachine, type MachineSelection } from '../machine.ts';
import { invalid, passIf, type RulesFor } from '../rule.ts';

export interface MachineRules {
  /** Validity: the load was started in time and the machine had CPUs to spare. Never `fail`: it says nothing about a mesh. */
  'machine-quiet': MachineSelection;
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
};
