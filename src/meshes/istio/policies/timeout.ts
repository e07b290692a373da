import { distinct } from '../../policy-renderer.ts';
import type { IstioRenderer } from './renderer.ts';
import { routesInForce, virtualServiceWith } from './virtual-service.ts';

export const timeout: IstioRenderer<'timeout'> = {
  render: (policy, world) => [
    virtualServiceWith(world, policy, (action) => {
      // Istio takes no zero: left out, there is none.
      if (policy.timeoutMs === 0) delete action.timeout;
      else action.timeout = `${policy.timeoutMs}ms`;
    }),
  ],
  inForce(policy, proxy) {
    const routes = routesInForce(proxy, policy);
    if (routes.length === 0) return undefined;
    return {
      has: distinct(routes.map(({ timeoutMs }) => ({ timeoutMs: timeoutMs ?? "Envoy's default" }))),
      wants: [{ timeoutMs: policy.timeoutMs }],
    };
  },
};
