import { distinct } from '../../policy-renderer.ts';
import type { IstioRenderer } from './renderer.ts';
import { routesInForce, routesWith, type RouteWriter } from './routes.ts';

export const retryBy = (write: RouteWriter): IstioRenderer<'retry'> => ({
  render: (policy, world) =>
    routesWith(world, policy, write, (action) => {
      const { attempts, onStatus } = policy;
      action.retry = { attempts, onStatus };
    }),
  inForce(policy, proxy) {
    const routes = routesInForce(proxy, policy);
    if (routes.length === 0) return undefined;
    return {
      has: distinct(routes.map(({ retries, onStatus }) => ({ retries, onStatus: onStatus.toSorted() }))),
      wants: [{ retries: policy.attempts, onStatus: policy.attempts === 0 ? [] : policy.onStatus.toSorted() }],
    };
  },
});
