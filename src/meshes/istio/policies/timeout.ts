import { distinct } from '../../policy-renderer.ts';
import type { IstioRenderer } from './renderer.ts';
import { routesInForce, routesWith, type RouteWriter } from './routes.ts';

export const timeoutBy = (write: RouteWriter): IstioRenderer<'timeout'> => ({
  render: (policy, world) =>
    routesWith(world, policy, write, (action) => {
      action.timeoutMs = policy.timeoutMs;
    }),
  inForce(policy, proxy) {
    const routes = routesInForce(proxy, policy);
    if (routes.length === 0) return undefined;
    return {
      has: distinct(routes.map(({ timeoutMs }) => ({ timeoutMs: timeoutMs ?? "Envoy's default" }))),
      wants: [{ timeoutMs: policy.timeoutMs }],
    };
  },
});
