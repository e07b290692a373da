import type { Json } from '../../../base/json.ts';
import { host, type Action } from '../resources.ts';
import type { RouteWriter } from './routes.ts';

/** A VirtualService for each service. */
export const asVirtualService: RouteWriter = (service, routes, world) => {
  const destination = { host: host(world, service) };
  const http = routes.map(({ prefix, action }) => ({
    ...(prefix !== '' && { match: [{ uri: { prefix } }] }),
    route: [{ destination }],
    ...said(action),
  }));
  return [{ kind: 'VirtualService', name: service, spec: { hosts: [destination.host], http } as unknown as Json }];
};

function said({ retry, timeoutMs = 0 }: Action): object {
  return {
    ...(retry && {
      retries: retry.attempts === 0 ? { attempts: 0 } : { attempts: retry.attempts, retryOn: retry.onStatus.join(',') },
    }),
    // Istio takes no zero: left out, there is none.
    ...(timeoutMs !== 0 && { timeout: `${timeoutMs}ms` }),
  };
}
