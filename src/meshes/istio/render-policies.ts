import type { Json } from '../../base/json.ts';
import type { Policy } from '../../policies/index.ts';
import { rendererOf } from '../policy-renderer.ts';
import { shortestPrefixFirst } from '../prefix-routes.ts';
import { trustDomain as usualTrustDomain } from './names.ts';
import { istioPolicies } from './policies/index.ts';
import type { IstioRenderers } from './policies/renderer.ts';
import { rankOf, resourceId, type World } from './resources.ts';

/**
 * Pure: policies, of any number of services, as the resources they need, by id and in the order in which these must be written.
 * A service's VirtualService is what this call says of its retries and timeouts, nothing else.
 *
 * @throws TypeError for a kind that Istio has no renderer for: what needs it is skipped before
 */
export function renderPolicies(
  policies: readonly Policy[],
  {
    namespace,
    trustDomain = usualTrustDomain,
    factsOf,
  }: Pick<World, 'namespace' | 'factsOf'> & { trustDomain?: string },
  renderers: IstioRenderers = istioPolicies,
): Map<string, Json> {
  const changes = new Map<string, Json>();
  const world: World = { namespace, trustDomain, factsOf, get: (kind, name) => changes.get(resourceId(kind, name)) };
  for (const policy of shortestPrefixFirst(policies)) {
    const renderer = rendererOf(renderers, policy.kind);
    if (!renderer) throw new TypeError(`Istio has no renderer for ${policy.kind}`);
    for (const { kind, name, spec } of renderer.render(policy as never, world))
      changes.set(resourceId(kind, name), spec);
  }
  return new Map([...changes].toSorted(([a], [b]) => rankOf(a) - rankOf(b)));
}
