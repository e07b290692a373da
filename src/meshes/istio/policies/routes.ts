import type { Route } from '../../envoy/config-dump.ts';
import { prefixOf, withRoute, type PrefixRoute } from '../../prefix-routes.ts';
import { routesFor } from '../proxy-config.ts';
import type { Action, Resource, World } from '../resources.ts';
import type { IstioProxy } from './renderer.ts';

/** Pure: what says all routes of a service, and what must not be there beside it. */
export type RouteWriter = (service: string, routes: readonly PrefixRoute<Action>[], world: World) => Resource[];

/** The routes of a service with that of a policy changed, as resources. */
export function routesWith(
  world: World,
  policy: { service: string },
  write: RouteWriter,
  set: (action: Action) => void,
): Resource[] {
  const { service } = policy;
  const routes = withRoute(world.routes.get(service) ?? [], prefixOf(policy), set);
  // A request that no route takes gets 404.
  if (routes.at(-1)?.prefix !== '') routes.push({ prefix: '', action: {} });
  world.routes.set(service, routes);
  return write(service, routes, world);
}

/** What a caller's sidecar does with the requests of a policy, on each port; empty for TCP or a service it does not know. */
export function routesInForce({ config }: IstioProxy, policy: { service: string }): Route[] {
  const upstream = config.upstreams.get(policy.service);
  return upstream === undefined ? [] : routesFor(upstream, prefixOf(policy) || '/');
}
