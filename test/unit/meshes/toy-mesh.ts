import type { Json } from '../../../src/base/json.ts';
import type { MeshAdapter } from '../../../src/meshes/adapter.ts';
import { planPolicies, resetPolicies, restorePolicies } from '../../../src/meshes/apply-policies.ts';
import { defineMesh } from '../../../src/meshes/define-mesh.ts';
import { rendererOf, type PolicyRenderers } from '../../../src/meshes/policy-renderer.ts';
import type { PolicyResource, PolicyTarget } from '../../../src/meshes/policy-target.ts';

/** Timeouts of a service, by its name: all that this mesh can do. */
type Rules = Record<string, number>;

const renderers: PolicyRenderers<Rules, PolicyResource, Rules> = {
  timeout: {
    render: ({ service, timeoutMs }) => [{ id: service, value: timeoutMs }],
    inForce: ({ service, timeoutMs }, told) => ({ has: told[service] ?? null, wants: timeoutMs }),
  },
};

/** A mesh in memory: one proxy that does as it is told, unless it `refuses`. */
export function toyTarget(rules: Rules = {}, refuses?: (resource: PolicyResource) => Error | undefined) {
  const writes: PolicyResource[] = [];
  const target: PolicyTarget = {
    read: async () => new Map(Object.entries(rules)),
    render: (policies, current) =>
      policies.flatMap(
        (policy) =>
          rendererOf(renderers, policy.kind)?.render(policy as never, Object.fromEntries(current) as Rules) ?? [],
      ),
    pristine: (current) => [...current.keys()].map((id) => ({ id, value: null })),
    async write(resource) {
      const refusal = refuses?.(resource);
      if (refusal) throw refusal;
      writes.push(resource);
      if (resource.value === null) delete rules[resource.id];
      else rules[resource.id] = resource.value as number;
    },
    toYaml: ({ id, value }) => `${id}: ${JSON.stringify(value)}\n`,
    proxies: async () => [
      {
        podUid: 'uid',
        pod: 'pod',
        service: 'web',
        look: async () => ({
          compare: (policy) => rendererOf(renderers, policy.kind)?.inForce(policy as never, rules),
          trace: () => undefined,
          unsettled: undefined,
        }),
      },
    ],
  };
  return { target, rules, writes };
}

/** All that a mesh is: a file like this, and a line in the registry. */
export const toy = defineMesh({
  name: 'toy',
  title: 'Toy',
  namespaces: ['toy-system'],
  proxies: 'envoy',
  tools: ['envoy'],
  images: {},
  keepOut: { annotations: { 'toy.example/inject': 'no' } },
  signs: { controlPlane: [{ labels: 'app=toy-control' }], invitations: [{ key: 'toy.example/inject', unless: 'no' }] },
  policies: renderers,
  capabilities: { parts: [], says: {} },
  open(): MeshAdapter {
    const { target } = toyTarget();
    return {
      name: 'toy',
      version: '0.1.0',
      caveats: [],
      sidecarContainer: 'toy-proxy',
      install: async () => ({ recreated: false }),
      inject: (objects) => objects,
      components: async () => [{ name: 'toy', version: '0.1.0', role: 'control-plane', ready: true }],
      sidecarProblems: async () => [],
      healthChecks: () => [],
      plan: (policies) => planPolicies(target, policies, undefined),
      apply: async (policies) => (await planPolicies(target, policies, undefined)).apply(),
      restorePolicies: (rollback) => restorePolicies(target, rollback),
      resetPolicies: (baseline) => resetPolicies(target, baseline),
      metrics: () => Promise.reject(new Error('no pods')),
      identityOf: async (service) => `spiffe://toy/${service}`,
      wireExpectation: () => Promise.reject(new Error('no wire')),
      appPath: () => ({ sidecarUid: 1, outInterface: 'lo' }),
      startTrouble: () => undefined,
      proxyView: () => Promise.reject(new Error('no proxies')),
      proxyConfig: async () => ({}),
      restartSidecar: async () => ({ restarts: 0 }),
      certificates: async () => [],
    };
  },
});

export const asJson = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;
