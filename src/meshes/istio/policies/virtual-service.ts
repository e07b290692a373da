import type { Json } from '../../../base/json.ts';
import type { Route } from '../../envoy/config-dump.ts';
import { prefixOf, withRoute } from '../../prefix-routes.ts';
import { routesFor } from '../proxy-config.ts';
import { host, type Resource, type World } from '../resources.ts';
import type { IstioProxy } from './renderer.ts';

/** What a VirtualService does with the requests of a route. */
export interface Action {
  retries?: { attempts: number; retryOn?: string };
  timeout?: string;
}

type HttpRoute = Action & {
  /** Undefined: every request that no other route takes. */
  match?: { uri: { prefix: string } }[];
  route: { destination: { host: string } }[];
};

/** The VirtualService of a service with the route of a policy changed. */
export function virtualServiceWith(world: World, policy: { service: string }, set: (action: Action) => void): Resource {
  const current = world.get('VirtualService', policy.service) as { http?: HttpRoute[] } | null | undefined;
  const routes = (current?.http ?? []).map(({ match, retries, timeout }) => ({
    prefix: match?.[0]?.uri.prefix ?? '',
    action: { ...(retries && { retries }), ...(timeout !== undefined && { timeout }) } as Action,
  }));
  const changed = withRoute(routes, prefixOf(policy), set);
  // A request that no route takes gets 404.
  if (changed.at(-1)?.prefix !== '') changed.push({ prefix: '', action: {} });
  const service = host(world, policy.service);
  const http = changed.map(({ prefix, action }): HttpRoute => ({
    ...(prefix !== '' && { match: [{ uri: { prefix } }] }),
    route: [{ destination: { host: service } }],
    ...action,
  }));
  return { kind: 'VirtualService', name: policy.service, spec: { hosts: [service], http } as unknown as Json };
}

/** What a caller's sidecar does with the requests of a policy, on each port; empty for TCP or a service it does not know. */
export function routesInForce({ config }: IstioProxy, policy: { service: string }): Route[] {
  const upstream = config.upstreams.get(policy.service);
  return upstream === undefined ? [] : routesFor(upstream, prefixOf(policy) || '/');
}
