import { distinct } from '../../policy-renderer.ts';
import type { LinkerdRenderer } from '../policies/renderer.ts';
import { routesInForce, withPolicy } from './profile-resource.ts';

/** Covers all tries of a request, until the headers of its answer come (linkerd2-proxy, outbound/src/http/logical/profile.rs). */
export const timeout: LinkerdRenderer<'timeout'> = {
  render: (policy, world) =>
    withPolicy(world, policy, (action) => {
      action.timeoutMs = policy.timeoutMs;
    }),
  inForce(policy, proxy) {
    const found = routesInForce(proxy, policy);
    if (found.length === 0) return undefined;
    return {
      has: distinct(
        found.map(({ route }) =>
          route === undefined ? 'no route of a ServiceProfile' : { timeoutMs: route.timeoutMs },
        ),
      ),
      wants: [{ timeoutMs: policy.timeoutMs }],
    };
  },
};
