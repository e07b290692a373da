import type { Right } from '../../kube/rights.ts';
import { consulNamespace as namespace } from './names.ts';
import { secretName } from './server.ts';

/** To hold the sidecars against what Consul's server knows of them. */
export const consulGuestRights = (): readonly Right[] => [
  {
    ...{ verb: 'get', resource: 'secrets', namespace, name: secretName },
    why: 'Consul’s API wants its token: whether pods are registered, healthy there, and trust its authority. It could do more; meshproof only reads. Without it these are inconclusive.',
  },
  ...(['get', 'create'] as const).map((verb): Right => ({
    ...{ verb, resource: 'pods/portforward', namespace },
    why: 'Consul’s API listens in clear on the loopback of its server only',
  })),
];
