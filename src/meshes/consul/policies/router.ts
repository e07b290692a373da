import type { ConfigEntry, Entries } from '../config-entry.ts';
import { routeFor, type ConsulProxy } from '../proxy-config.ts';
import type { Route } from '../../envoy/config-dump.ts';

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

/** A policy on the requests of a service, or on some of them. */
interface Routed {
  service: string;
  route?: { pathPrefix: string } | undefined;
}

/** The path prefix a policy is limited to; empty for all requests. */
export function prefixOf(policy: object): string {
  return (policy as Partial<Routed>).route?.pathPrefix ?? '';
}

/**
 * The router of a service with one route changed. A route that is not there yet begins as a copy of the one that took its
 * requests so far: what was said of all requests holds for it too. So policies come in order of their prefix' length.
 */
export function withRoute(entries: Entries, policy: Routed, set: (destination: Destination) => void): ConfigEntry {
  const router = entries.get('service-router', policy.service);
  const routes = structuredClone((router?.Routes ?? []) as RouterRoute[]);
  const prefix = prefixOf(policy);
  let route = routes.find((each) => matched(each) === prefix);
  if (!route) {
    const covering = routes.find((each) => prefix.startsWith(matched(each)));
    route = {
      ...(prefix === '' ? {} : { Match: { HTTP: { PathPrefix: prefix } } }),
      Destination: { ...covering?.Destination },
    };
    routes.push(route);
  }
  set(route.Destination);
  // Consul takes the first that matches.
  routes.sort((a, b) => matched(b).length - matched(a).length);
  return { Kind: 'service-router', Name: policy.service, Routes: routes };
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
export function routeInForce({ config }: ConsulProxy, policy: Routed): Route | undefined {
  const routes = config.upstreams.get(policy.service)?.routes;
  return routes && routeFor(routes, prefixOf(policy) || '/');
}

function matched({ Match }: RouterRoute): string {
  return Match?.HTTP.PathPrefix ?? '';
}
