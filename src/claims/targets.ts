import type { AppService, DataCall, RunningApp } from '../apps/app.ts';
import type { LoadTarget } from '../load/load.ts';
import { serviceUrl } from './answers.ts';

/** A request of an app's service as a load target. */
export function targetOf(service: AppService, namespace: string, call: DataCall): LoadTarget {
  return {
    name: service.name,
    method: call.method,
    url: serviceUrl(service, namespace, call.path),
    ...(call.headers !== undefined && { headers: call.headers }),
    ...(call.body !== undefined && { body: call.body }),
    expectStatus: call.expectStatus,
    expectBody: call.expectBody,
    expectPattern: call.expectPattern,
    ...(call.expectJson !== undefined && { expectJson: call.expectJson }),
  };
}

/** Every kind of call a service answers, in turn: together they make all of its own calls. */
export function allTargets(service: AppService, namespace: string): LoadTarget[] {
  if (service.call === undefined) return [];
  return [service.call, ...service.alsoCalls].map((call) => targetOf(service, namespace, call));
}

/** Requests that carry the planted token (load/ puts it into query and header of each), and bring it to the databases. */
export function tokenTargets({ namespace }: RunningApp, services: readonly AppService[]): LoadTarget[] {
  return services.flatMap((service) => [
    ...allTargets(service, namespace),
    ...service.plant.map((path): LoadTarget => ({
      name: service.name,
      url: serviceUrl(service, namespace, path),
      expectStatus: 200,
    })),
  ]);
}
