import type { ConsulRenderer } from './renderer.ts';
import { routeInForce, routerWith } from './router.ts';

export const retry: ConsulRenderer<'retry'> = {
  render: (policy, entries) => [
    routerWith(entries, policy, (destination) => {
      delete destination.NumRetries;
      delete destination.RetryOnStatusCodes;
      if (policy.attempts > 0) {
        destination.NumRetries = policy.attempts;
        destination.RetryOnStatusCodes = policy.onStatus;
      }
    }),
  ],
  inForce(policy, proxy) {
    const route = routeInForce(proxy, policy);
    if (!route) return undefined;
    return {
      has: { retries: route.retries, onStatus: route.onStatus.toSorted() },
      wants: { retries: policy.attempts, onStatus: policy.attempts === 0 ? [] : policy.onStatus.toSorted() },
    };
  },
};
