import { distinct } from '../../policy-renderer.ts';
import type { LinkerdRenderer } from './renderer.ts';
import { routesInForce, withPolicy } from './service-routes.ts';

export const retry: LinkerdRenderer<'retry'> = {
  render: (policy, world) =>
    withPolicy(world, policy, (action) => {
      action.retry = { limit: policy.attempts, onStatus: policy.onStatus };
    }),
  inForce(policy, proxy) {
    const routes = routesInForce(proxy, policy);
    if (routes.length === 0) return undefined;
    return {
      has: distinct(routes.map(({ retries, onStatus }) => ({ retries, onStatus: onStatus.toSorted() }))),
      wants: [{ retries: policy.attempts, onStatus: policy.attempts === 0 ? [] : policy.onStatus.toSorted() }],
    };
  },
};
