import { createHash } from 'node:crypto';
import type { Json } from '../../../base/json.ts';
import { prefixOf, withRoute } from '../../prefix-routes.ts';
import { routeFor, type OutboundRoute } from '../outbound-policy.ts';
import type { Action, Resource, World } from '../resources.ts';
import { ejectionAnnotations, routeAnnotations, serviceAnnotations } from '../service-annotations.ts';
import type { LinkerdProxy } from './renderer.ts';

/** What is needed for a service with the route of a policy changed. */
export function withPolicy(world: World, policy: { service: string }, set: (action: Action) => void): Resource[] {
  const { service } = policy;
  const routes = withRoute(world.routes.get(service) ?? [], prefixOf(policy), set);
  // A request that no route takes gets 404.
  if (routes.at(-1)?.prefix !== '') routes.push({ prefix: '', action: {} });
  world.routes.set(service, routes);
  return resourcesOf(world, service);
}

/**
 * One route for all requests is annotations of the Service; several are an HTTPRoute each, since its annotations hold for all of
 * its rules.
 */
export function resourcesOf(world: World, service: string): Resource[] {
  const routes = world.routes.get(service);
  const ejects = world.ejections.get(service);
  const [only] = routes?.length === 1 ? routes : [];
  const annotations = serviceAnnotations(world.annotationsOf(service), {
    routes: routes && routeAnnotations(only?.action ?? {}),
    ejection: ejects === undefined ? undefined : ejectionAnnotations(ejects),
  });
  const own: Resource = { kind: 'Service', name: service, content: { annotations } };
  if (routes === undefined || only !== undefined) return [own];
  const { ports } = world.factsOf(service);
  const httpRoutes = ports.flatMap(({ port }) =>
    routes
      // Whoever takes what nobody else takes is there first.
      .toReversed()
      .map(({ prefix, action }): Resource => ({
        kind: 'HTTPRoute',
        name: [service, String(port), ...(prefix === '' ? [] : [digest(prefix)])].join('-'),
        content: { annotations: routeAnnotations(action), spec: spec(service, port, prefix) },
      })),
  );
  return [own, ...httpRoutes];
}

function spec(service: string, port: number, prefix: string): Json {
  return {
    parentRefs: [{ group: '', kind: 'Service', name: service, port }],
    rules: [
      {
        matches: [{ path: { type: 'PathPrefix', value: prefix || '/' } }],
        backendRefs: [{ name: service, port }],
      },
    ],
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** What callers are told to do with the requests of a policy, on each port; empty where they are not HTTP. */
export function routesInForce({ outbound }: LinkerdProxy, policy: { service: string }): OutboundRoute[] {
  return outbound.flatMap(({ routes }) => routeFor(routes, prefixOf(policy) || '/') ?? []);
}
