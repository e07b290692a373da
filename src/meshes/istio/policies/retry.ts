import { distinct } from '../../policy-renderer.ts';
import type { IstioRenderer } from './renderer.ts';
import { routesInForce, virtualServiceWith } from './virtual-service.ts';

export const retry: IstioRenderer<'retry'> = {
  render: (policy, world) => [
    virtualServiceWith(world, policy, (action) => {
      // Left out, Istio retries twice by itself.
      action.retries =
        policy.attempts === 0 ? { attempts: 0 } : { attempts: policy.attempts, retryOn: policy.onStatus.join(',') };
    }),
  ],
  inForce(policy, proxy) {
    const routes = routesInForce(proxy, policy);
    if (routes.length === 0) return undefined;
    return {
      has: distinct(routes.map(({ retries, onStatus }) => ({ retries, onStatus: onStatus.toSorted() }))),
      wants: [{ retries: policy.attempts, onStatus: policy.attempts === 0 ? [] : policy.onStatus.toSorted() }],
    };
  },
};
