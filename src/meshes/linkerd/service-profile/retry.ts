import type { Json } from '../../../base/json.ts';
import { distinct } from '../../policy-renderer.ts';
import type { LinkerdRenderer } from '../policies/renderer.ts';
import { routesInForce, withPolicy } from './profile-resource.ts';
import { budgetOf } from './profile-spec.ts';

/** The routes of a policy are retryable, and their service has a budget of so many retries for each request. */
export const retry: LinkerdRenderer<'retry'> = {
  render: (policy, world) =>
    withPolicy(world, policy, (action) => {
      action.retry = { limit: policy.attempts, onStatus: policy.onStatus };
    }),
  inForce(policy, proxy) {
    const found = routesInForce(proxy, policy);
    if (found.length === 0) return undefined;
    const onStatus = [...new Set(policy.onStatus)].toSorted((a, b) => a - b);
    return {
      has: distinct(
        found.map(({ route, profile }): Json => {
          if (route === undefined) return 'no route of a ServiceProfile';
          const { retryable, failures = ['every 5xx'] } = route;
          return retryable ? { budget: { ...profile.budget }, onStatus: failures } : { retryable };
        }),
      ),
      wants: [policy.attempts === 0 ? { retryable: false } : { budget: { ...budgetOf(policy.attempts) }, onStatus }],
    };
  },
};
