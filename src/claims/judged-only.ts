import type { RunArm } from '../judge/verdict/judge-arm.ts';

/** Arms of an experiment without load, faults and captures: what they show is in their assertions. */
export const judgedOnly: RunArm[] = (['control', 'treatment'] as const).map((name) => ({
  name,
  phases: [],
  faults: [],
  wire: [],
}));
