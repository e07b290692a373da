import { routeFor, type Route } from '../../envoy/config-dump.ts';
import { prefixOf, withRoute } from '../../prefix-routes.ts';
import type { ConfigEntry, Entries } from '../config-entry.ts';
import type { ConsulProxy } from '../proxy-config.ts';

/** Where a ServiceRouter sends requests, and how. */
export interface Destination {
  NumRetries?: number;
  RetryOnStatusCodes?: number[];
  RequestTimeout?: string;
}

interface RouterRoute {
  /** Undefined: every request that no other route takes. */
  Match?: { HTTP: { PathPrefix: string } };
  Destination: Destination;
}

/** The router of a service with the route of a policy changed. */
export function routerWith(
  entries: Entries,
  policy: { service: string },
  set: (destination: Destination) => void,
): ConfigEntry {
  const current = (entries.get('service-router', policy.service)?.Routes ?? []) as RouterRoute[];
  const routes = current.map(({ Match, Destination }) => ({
    prefix: Match?.HTTP.PathPrefix ?? '',
    action: Destination,
  }));
  return {
    Kind: 'service-router',
    Name: policy.service,
    Routes: withRoute(routes, prefixOf(policy), set).map(({ prefix, action }): RouterRoute => ({
      ...(prefix !== '' && { Match: { HTTP: { PathPrefix: prefix } } }),
      Destination: action,
    })),
  };
}

/** A router without what says nothing, or undefined when nothing is left: Consul retries nothing by itself. */
export function pruned(router: ConfigEntry): ConfigEntry | undefined {
  const routes = router.Routes as RouterRoute[];
  const says = ({ Destination }: RouterRoute): boolean => Object.keys(Destination).length > 0;
  if (!routes.some(says)) return undefined;
  // A prefix that says nothing still keeps its requests away from the routes below.
  return { ...router, Routes: routes.filter((route) => route.Match !== undefined || says(route)) };
}

/** What a caller's sidecar does with the requests of a policy; undefined for one that cannot call the service, or by TCP. */
export function routeInForce({ config }: ConsulProxy, policy: { service: string }): Route | undefined {
  const routes = config.upstreams.get(policy.service)?.routes;
  return routes && routeFor(routes, prefixOf(policy) || '/');
}
