import type { ConsulApi } from './api.ts';
import { authMethod } from './names.ts';

export interface Reviewer {
  /** Token of a service account that may review tokens (system:auth-delegator). */
  jwt: string;
  caPem: string;
}

const serviceBinding = {
  BindType: 'service',
  BindName: '${serviceaccount.name}',
  Description: 'A service account may be the service of its name, and no other',
};

/** False for a server that is new: nobody has been let in. */
export async function canLogIn(api: ConsulApi): Promise<boolean> {
  return (await api.get(`/v1/acl/auth-method/${authMethod}`)) !== undefined;
}

/** Sidecars prove who they are with their service account, and become the Consul service of that name. */
export async function setUpLogin(api: ConsulApi, reviewer: Reviewer): Promise<void> {
  await api.put(`/v1/acl/auth-method`, {
    Name: authMethod,
    Type: 'kubernetes',
    Description: 'Service accounts of this cluster',
    Config: {
      Host: 'https://kubernetes.default.svc',
      CACert: reviewer.caPem,
      ServiceAccountJWT: reviewer.jwt,
    },
  });
  const present = (await api.get<unknown[]>(`/v1/acl/binding-rules?authmethod=${authMethod}`)) ?? [];
  if (present.length === 0) await api.put('/v1/acl/binding-rule', { AuthMethod: authMethod, ...serviceBinding });
}
