import type { Json } from '../../base/json.ts';
import type { Policy } from '../../policies/index.ts';
import { rendererOf } from '../policy-renderer.ts';
import { shortestPrefixFirst } from '../prefix-routes.ts';
import { linkerdPolicies } from './policies/index.ts';
import type { LinkerdRenderers } from './policies/renderer.ts';
import { ownName, rankOf, resourceId, type World } from './resources.ts';

/**
 * Pure: policies, of any number of services, as the resources they need, by id and in the order in which these must be written.
 * What callers do with a service's requests is what this call says of them, nothing else.
 *
 * @param known `named`: where the objects are not meshproof's own
 * @throws TypeError for a kind that Linkerd has no renderer for: what needs it is skipped before
 */
export function renderPolicies(
  policies: readonly Policy[],
  known: Pick<World, 'namespace' | 'factsOf' | 'annotationsOf'> & Partial<Pick<World, 'named' | 'profile'>>,
  renderers: LinkerdRenderers = linkerdPolicies,
): Map<string, Json> {
  const changes = new Map<string, Json>();
  const world: World = {
    named: ownName,
    profile: () => null,
    ...known,
    routes: new Map(),
    ejections: new Map(),
    profiles: new Map(),
  };
  for (const policy of shortestPrefixFirst(policies)) {
    const renderer = rendererOf(renderers, policy.kind);
    if (!renderer) throw new TypeError(`Linkerd has no renderer for ${policy.kind}`);
    for (const { kind, name, content } of renderer.render(policy as never, world))
      changes.set(resourceId(kind, name), content as Json);
  }
  return new Map([...changes].toSorted(([a], [b]) => rankOf(a) - rankOf(b)));
}
