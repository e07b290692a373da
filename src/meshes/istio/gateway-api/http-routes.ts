import type { Json } from '../../../base/json.ts';
import type { ServicePort } from '../../../kube/service-ports.ts';
import type { PrefixRoute } from '../../prefix-routes.ts';
import type { RouteWriter } from '../policies/routes.ts';
import { asVirtualService } from '../policies/virtual-service.ts';
import type { Action, Resource } from '../resources.ts';

/** Of the Gateway API's definition of an HTTPRoute. */
const mostRules = 16;
const mostOfAUnit = 99_999;

/**
 * An HTTPRoute for each port of a service, whose parent is the Service; what no HTTPRoute can say, a VirtualService says, with the
 * reason. Never both: Istio goes by one of the two.
 */
export const asHttpRoutes: RouteWriter = (service, routes, world) => {
  const { ports = [] } = world.factsOf(service);
  const note = whyNot(routes, ports);
  const httpRoutes = ports.map(({ port }): Resource => ({
    kind: 'HTTPRoute',
    name: `${service}-${port}`,
    spec: note === undefined ? specOf(service, port, routes) : null,
  }));
  if (note === undefined) return [{ kind: 'VirtualService', name: service, spec: null }, ...httpRoutes];
  return [...asVirtualService(service, routes, world).map((resource) => ({ ...resource, note })), ...httpRoutes];
};

/** A clause. */
function whyNot(routes: readonly PrefixRoute<Action>[], ports: readonly ServicePort[]): string | undefined {
  if (ports.length === 0) return 'an HTTPRoute sends to a port of a Service, and none is known';
  if (routes.length > mostRules) return `an HTTPRoute has ${mostRules} rules at most, and ${routes.length} are needed`;
  if (routes.some(({ action }) => action.retry?.attempts === 0))
    return 'an HTTPRoute cannot say that there are no retries: it has one at least, and where it says nothing Istio has two';
  const slashed = routes.find(({ prefix }) => prefix.length > 1 && prefix.endsWith('/'));
  if (slashed !== undefined) return `an HTTPRoute does not see the slash at the end of ${slashed.prefix}`;
  return undefined;
}

function specOf(service: string, port: number, routes: readonly PrefixRoute<Action>[]): Json {
  return {
    parentRefs: [{ group: '', kind: 'Service', name: service, port }],
    rules: routes.map(({ prefix, action: { retry, timeoutMs } }) => ({
      matches: [{ path: { type: 'PathPrefix', value: prefix || '/' } }],
      backendRefs: [{ name: service, port }],
      ...(timeoutMs !== undefined && { timeouts: { request: duration(timeoutMs) } }),
      ...(retry && { retry: { attempts: retry.attempts, codes: [...new Set(retry.onStatus)] } }),
    })),
  };
}

/** As GEP-2257 has it: up to five digits of a unit. */
function duration(ms: number): string {
  if (ms === 0) return '0s';
  // What is no number is refused as it is.
  if (!(ms > mostOfAUnit)) return `${ms}ms`;
  const seconds = Math.floor(ms / 1000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
    [ms % 1000, 'ms'],
  ];
  return parts.flatMap(([count, unit]) => (count === 0 ? [] : [`${count}${unit}`])).join('');
}
