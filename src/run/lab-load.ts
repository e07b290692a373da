import type { AppService, DataCall } from '../apps/app.ts';
import type { LoadTarget } from '../load/load.ts';

/** The cheapest request that proves a service reaches its data, as a load target. */
export function dataCallTarget(service: AppService, namespace: string): LoadTarget {
  if (service.call === undefined) throw new TypeError(`${service.name} has no data call`);
  return targetOf(service.name, namespace, service.call);
}

function targetOf(service: string, namespace: string, call: DataCall): LoadTarget {
  return {
    name: service,
    method: call.method,
    url: `http://${service}.${namespace}${call.path}`,
    ...(call.headers !== undefined && { headers: call.headers }),
    ...(call.body !== undefined && { body: call.body }),
    expectStatus: call.expectStatus,
    ...(call.expectBody !== undefined && { expectBody: call.expectBody }),
  };
}

/** Every kind of call a service makes, in turn. */
export function serviceTargets(service: AppService, namespace: string): LoadTarget[] {
  return [
    dataCallTarget(service, namespace),
    ...service.alsoCalls.map((call) => targetOf(service.name, namespace, call)),
  ];
}

/**
 * Requests that carry the planted token (load/ puts it into query and header of each), and bring it further where a
 * service takes it from its path.
 */
export function canaryTargets(services: readonly AppService[], namespace: string): LoadTarget[] {
  return services.flatMap((service): LoadTarget[] => [
    ...serviceTargets(service, namespace),
    ...service.plant.map((path) => ({
      name: service.name,
      url: `http://${service.name}.${namespace}${path.replaceAll('{token}', '{canary}')}`,
      expectStatus: 200,
    })),
  ]);
}
