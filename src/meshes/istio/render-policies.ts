import type { Json } from '../../base/json.ts';
import type { Policy } from '../../policies/index.ts';
import { rendererOf } from '../policy-renderer.ts';
import { shortestPrefixFirst } from '../prefix-routes.ts';
import { trustDomain as usualTrustDomain } from './names.ts';
import { istioPolicies } from './policies/index.ts';
import type { IstioRenderers } from './policies/renderer.ts';
import { rankOf, resourceId, type Resource, type World } from './resources.ts';

type Known = Pick<World, 'namespace' | 'factsOf'> & { trustDomain?: string };

/**
 * Pure: policies, of any number of services, as the resources they need, in the order in which these must be written. What callers
 * do with a service's requests is what this call says of them, nothing else.
 *
 * @throws TypeError for a kind that Istio has no renderer for: what needs it is skipped before
 */
export function renderResources(
  policies: readonly Policy[],
  { namespace, trustDomain = usualTrustDomain, factsOf }: Known,
  renderers: IstioRenderers = istioPolicies,
): Resource[] {
  const changes = new Map<string, Resource>();
  const world: World = { namespace, trustDomain, factsOf, routes: new Map() };
  for (const policy of shortestPrefixFirst(policies)) {
    const renderer = rendererOf(renderers, policy.kind);
    if (!renderer) throw new TypeError(`Istio has no renderer for ${policy.kind}`);
    for (const resource of renderer.render(policy as never, world))
      changes.set(resourceId(resource.kind, resource.name), resource);
  }
  return [...changes].toSorted(([a], [b]) => rankOf(a) - rankOf(b)).map(([, resource]) => resource);
}

/** The same as specs by id. */
export function renderPolicies(
  policies: readonly Policy[],
  known: Known,
  renderers: IstioRenderers = istioPolicies,
): Map<string, Json> {
  return new Map(
    renderResources(policies, known, renderers).map(({ kind, name, spec }) => [resourceId(kind, name), spec]),
  );
}
