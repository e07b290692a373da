import type { ConsulApi } from './api.ts';
import { authMethod, serverName } from './names.ts';

export interface Reviewer {
  /** Token of a service account that may review tokens (system:auth-delegator). */
  jwt: string;
  caPem: string;
}

/** `consul connect envoy` and `redirect-traffic` ask the agent for its bind address. */
const agentPolicy = {
  Name: 'read-agent',
  Description: 'What the consul command asks its agent for when a sidecar starts',
  Rules: `agent "${serverName}" { policy = "read" }`,
};

const bindings = [
  {
    BindType: 'service',
    BindName: '${serviceaccount.name}',
    Description: 'A service account may be the service of its name, and no other',
  },
  { BindType: 'policy', BindName: agentPolicy.Name, Description: agentPolicy.Description },
];

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
  if (!(await api.get(`/v1/acl/policy/name/${agentPolicy.Name}`))) await api.put('/v1/acl/policy', agentPolicy);
  const present = (await api.get<{ BindType: string }[]>(`/v1/acl/binding-rules?authmethod=${authMethod}`)) ?? [];
  for (const binding of bindings) {
    if (present.some(({ BindType }) => BindType === binding.BindType)) continue;
    await api.put('/v1/acl/binding-rule', { AuthMethod: authMethod, ...binding });
  }
}
