import { defineGroup } from './define-capability.ts';

const boundsLatency = { claim: 'bounds-latency', policy: 'timeout' } as const;
const recoversErrors = { claim: 'recovers-errors', policy: 'retry' } as const;

export const resiliency = defineGroup('resiliency', {
  'request-timeout': { title: 'Timeout of a request', policy: 'timeout', proof: boundsLatency },
  'per-try-timeout': 'Timeout of each try',
  'per-route-timeout': {
    title: 'Timeout of a route of its own, e.g. 300 ms',
    policy: 'timeout',
    proof: { ...boundsLatency, route: true, condition: 'where the app file names routes' },
  },
  'retries-by-status': { title: 'Retries by status', policy: 'retry', proof: recoversErrors },
  'retries-by-route': {
    title: 'Retries only where a route is marked as retryable',
    policy: 'retry',
    open: 'retries are proven on single routes, but nothing shows yet that the other routes are not retried',
  },
  'retry-budget': 'Retry budget: ratio, minimum per second, time to live',
  'circuit-breaker': 'Circuit breaker: bounds on connections and on requests that wait',
  'outlier-detection': { title: 'Outlier detection: a failing replica is left out', policy: 'outlier-detection' },
  'rate-limit-local': 'Rate limit of each proxy',
  'rate-limit-global': 'Rate limit of all proxies together',
  quota: 'Quota: requests of a client over a long time',
  'own-fault-abort': 'The mesh’s own fault injection: abort',
  'own-fault-delay': 'The mesh’s own fault injection: delay',
});
