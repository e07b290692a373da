import { delivery } from './delivery.ts';
import { loadBalancing } from './load-balancing.ts';
import { observability } from './observability.ts';
import { operation } from './operation.ts';
import { protocols } from './protocols.ts';
import { resiliency } from './resiliency.ts';
import { routing } from './routing.ts';
import { security } from './security.ts';

/** What a mesh can be asked for. A new row is a line in the file of its group, and a line in each mesh’s capabilities.ts. */
export const capabilities = [
  ...protocols,
  ...routing,
  ...resiliency,
  ...loadBalancing,
  ...security,
  ...observability,
  ...delivery,
  ...operation,
] as const;

export type CapabilityId = (typeof capabilities)[number]['id'];
