import { able, unable } from '../../../capabilities/statement.ts';
import type { MeshDialect } from '../../define-mesh.ts';
import type { LinkerdRenderers } from '../policies/renderer.ts';
import { cannotSay } from './limits.ts';
import { retry } from './retry.ts';
import { timeout } from './timeout.ts';

const source = 'https://linkerd.io/2-edge/reference/service-profiles/';
const noHttpRoutes = 'callers of a service with a ServiceProfile go by no HTTPRoute';

/** The legacy dialect: where a service has a ServiceProfile, its callers go by that alone. */
export const serviceProfile = {
  title: 'ServiceProfile',
  policies: { retry, timeout } satisfies LinkerdRenderers,
  retriesBoundedBy: 'budget',
  cannotSay,
  says: {
    'routing/header': unable(`a route matches path and method only, and ${noHttpRoutes}`, source),
    'routing/path-and-method': unable(`a route tells retries and timeout, not where to; ${noHttpRoutes}`, source),
    'routing/weight': able('dstOverrides of a ServiceProfile', source),
    'routing/redirects-and-rewrites': unable(noHttpRoutes, source),
    'routing/shifting': able('dstOverrides of a ServiceProfile that are written step by step', source),
    'resiliency/request-timeout': able('timeout of a ServiceProfile’s route', source),
    'resiliency/per-try-timeout': unable('the timeout of a route covers all tries', source),
    'resiliency/per-route-timeout': able('timeout of a ServiceProfile’s route', source),
    'resiliency/retries-by-status': able('responseClasses of a route that isRetryable', source),
    'resiliency/retries-by-route': able('isRetryable of a route', source),
    'resiliency/retry-budget': able('retryBudget of a ServiceProfile', source),
    'resiliency/outlier-detection': unable('callers of a service with a ServiceProfile leave out no replica', source),
    'observability/signals-of-routes': able('route_* of ServiceProfiles', source),
    'delivery/blue-green': able('dstOverrides of a ServiceProfile', source),
    'delivery/a-b': unable('a route matches no header', source),
  },
} satisfies MeshDialect;

/** What a report must state where policies are ServiceProfiles. */
export const profileCaveats = [
  'Policies are ServiceProfiles: retries are bounded by a budget of each calling proxy, not by tries of a request. A policy of N retries is a budget of N for each request that succeeds and N a second, and counts for one second. So one request may be tried more often, at once and without a pause, while others need no retry; and where everything fails hardly anything is retried.',
  'A route of a ServiceProfile retries answers by their status, of requests with a body of 64 KiB at most. A call that gets no answer (its connection breaks, its timeout is over) is not tried again.',
  'The timeout of a ServiceProfile’s route covers all tries of a request, until the headers of the answer come. The caller gets 504, and its connection is closed.',
  'A proxy that has called a service before it had a ServiceProfile goes on without it until it has called nobody there for 5 s. So every HTTP service of the app has one from the beginning, which neither retries nor ends calls.',
  'Of a call with a ServiceProfile that got no answer, the proxies count that, and only of a timeout why: what else they answered by themselves (503, 504) is in their figures as 502. Which retries made a request succeed they do not count.',
];
