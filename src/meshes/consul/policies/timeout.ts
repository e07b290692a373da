import type { ConsulRenderer } from './renderer.ts';
import { routeInForce, routerWith } from './router.ts';

export const timeout: ConsulRenderer<'timeout'> = {
  render: (policy, entries) => [
    routerWith(entries, policy, (destination) => {
      // Consul has no word for "none": a negative time becomes Envoy's 0 s, and leaving it out Envoy's 15 s.
      destination.RequestTimeout = policy.timeoutMs === 0 ? '-1s' : `${policy.timeoutMs}ms`;
    }),
  ],
  inForce(policy, proxy) {
    const route = routeInForce(proxy, policy);
    if (!route) return undefined;
    return { has: { timeoutMs: route.timeoutMs ?? "Envoy's default" }, wants: { timeoutMs: policy.timeoutMs } };
  },
};
