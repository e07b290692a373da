import type { IstioDialect } from '../dialect.ts';
import { retryBy } from '../policies/retry.ts';
import { timeoutBy } from '../policies/timeout.ts';
import { checkDefinitions, ensureDefinitions } from './definitions.ts';
import { asHttpRoutes } from './http-routes.ts';

/** The Gateway API for services (GAMMA): HTTPRoutes whose parent is the Service. */
export const gatewayApi: IstioDialect = {
  title: 'HTTPRoute of the Gateway API',
  policies: { retry: retryBy(asHttpRoutes), timeout: timeoutBy(asHttpRoutes) },
  kinds: ['HTTPRoute'],
  tools: ['gateway-api'],
  prepare: ensureDefinitions,
  check: checkDefinitions,
  caveats: [
    'Retries and timeouts are written as HTTPRoutes of the Gateway API. They say some of it otherwise than a VirtualService: a retry is also made where a connection fails, and a path prefix is of whole elements (/api is none of /apis). What they cannot say, as that there are no retries, is a VirtualService: policies.yaml says where, and why.',
  ],
};
