import type { LoadTarget } from '../load/load.ts';
import { dataCalls, type DataCall } from '../apps/tripinsights/data-calls.ts';
import type { TripInsightsService } from '../apps/tripinsights/topology.ts';

/** The cheapest request that proves a service reaches its data, as a load target. */
export function dataCallTarget(service: string, namespace: string): LoadTarget {
  return targetOf(service, namespace, dataCalls[service as TripInsightsService]);
}

function targetOf(service: string, namespace: string, call: DataCall): LoadTarget {
  return {
    name: service,
    method: call.method,
    url: `http://${service}.${namespace}${call.path}`,
    ...(call.headers !== undefined && { headers: call.headers }),
    ...(call.body !== undefined && { body: call.body }),
    expectStatus: call.expectStatus,
    expectBody: call.expectBody,
  };
}

/** Every kind of call a service makes in turn: tripviewer's two pages make both of its own calls. */
export function serviceTargets(service: string, namespace: string): LoadTarget[] {
  const pages: LoadTarget[] =
    service === 'tripviewer' ? [{ name: service, url: `http://${service}.${namespace}/Trip`, expectStatus: 200 }] : [];
  return [dataCallTarget(service, namespace), ...pages];
}

/**
 * Requests that carry the canary (load/ puts it into query and header of each), and bring it to PostgreSQL as a parameter
 * where a service takes one from its path.
 */
export function canaryTargets(services: readonly string[], namespace: string): LoadTarget[] {
  const toDatabase: Partial<Record<string, string>> = {
    poi: '/api/poi/trip/{canary}',
    trips: '/api/trips/user/{canary}',
    userprofile: '/api/user/{canary}',
  };
  return services.flatMap((service): LoadTarget[] => {
    const path = toDatabase[service];
    const parameter: LoadTarget[] =
      path === undefined ? [] : [{ name: service, url: `http://${service}.${namespace}${path}`, expectStatus: 200 }];
    return [...serviceTargets(service, namespace), ...parameter];
  });
}
