import type { FaultEntry } from '../faults/define-fault.ts';
import { faults } from '../faults/index.ts';
import type { PolicyEntry } from '../policies/define-policy.ts';
import { policies } from '../policies/index.ts';

/** What scenario files can be made of. */
export interface Registries {
  faults: readonly FaultEntry[];
  policies: readonly PolicyEntry[];
}

export const builtIn: Registries = {
  // Each entry's methods take its own spec; whoever calls them has parsed it with the entry's schema.
  faults: faults as unknown as FaultEntry[],
  policies: policies as unknown as PolicyEntry[],
};
