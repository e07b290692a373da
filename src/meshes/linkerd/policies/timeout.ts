import { distinct } from '../../policy-renderer.ts';
import type { LinkerdRenderer } from './renderer.ts';
import { routesInForce, withPolicy } from './service-routes.ts';

export const timeout: LinkerdRenderer<'timeout'> = {
  render: (policy, world) =>
    withPolicy(world, policy, (action) => {
      action.timeoutMs = policy.timeoutMs;
    }),
  inForce(policy, proxy) {
    const routes = routesInForce(proxy, policy);
    if (routes.length === 0) return undefined;
    return {
      has: distinct(routes.map(({ timeoutMs }) => ({ timeoutMs }))),
      wants: [{ timeoutMs: policy.timeoutMs }],
    };
  },
};
