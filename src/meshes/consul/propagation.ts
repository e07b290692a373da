import type { ProxyConfig } from '../envoy/config-dump.ts';
import type { Policy } from '../../policies/index.ts';

/**
 * What a proxy still lacks of these policies, or undefined when it has them all. A proxy that cannot call a service has
 * nothing to learn about how to call it.
 *
 * @param service whose proxy this is
 * @param tcp services that speak TCP: no routes there
 */
export function lacking(
  config: ProxyConfig,
  service: string,
  policies: readonly Policy[],
  callable: ReadonlySet<string>,
): string | undefined {
  for (const policy of policies) {
    const missing = lacks(config, service, policy, callable);
    if (missing !== undefined) return missing;
  }
  return config.rejected[0];
}

function lacks(
  config: ProxyConfig,
  service: string,
  policy: Policy,
  callable: ReadonlySet<string>,
): string | undefined {
  switch (policy.kind) {
    case 'retry': {
      const route = config.upstreams.get(policy.service)?.route;
      if (!route) return undefined;
      const status = policy.attempts === 0 ? [] : policy.onStatus;
      const same = route.retries === policy.attempts && sameNumbers(route.onStatus, status);
      return same ? undefined : `retries of calls to ${policy.service} are ${route.retries}, not ${policy.attempts}`;
    }
    case 'timeout': {
      const route = config.upstreams.get(policy.service)?.route;
      if (!route) return undefined;
      const has = route.timeoutMs;
      return has === policy.timeoutMs
        ? undefined
        : `the timeout of calls to ${policy.service} is ${has === undefined ? "Envoy's default" : `${has} ms`}, not ${policy.timeoutMs} ms`;
    }
    case 'outlier-detection': {
      const upstream = config.upstreams.get(policy.service);
      if (!upstream) return undefined;
      return upstream.ejectsAfter5xx === policy.consecutiveErrors
        ? undefined
        : `replicas of ${policy.service} are ejected after ${upstream.ejectsAfter5xx} errors, not ${policy.consecutiveErrors}`;
    }
    case 'authorize': {
      const allowed = new Set(policy.from);
      if (service === policy.to && config.callers && !config.permissive) {
        const differ = [...allowed, ...config.callers].find((name) => allowed.has(name) !== config.callers!.has(name));
        if (differ !== undefined) {
          return `${policy.to} ${allowed.has(differ) ? 'does not let in' : 'still lets in'} ${differ}`;
        }
      }
      const mayCall = (allowed.has(service) || allowed.has('*')) && service !== policy.to;
      if (mayCall && callable.has(policy.to) && !config.upstreams.has(policy.to)) {
        return `${service} has no way to ${policy.to}`;
      }
      if (!mayCall && config.upstreams.has(policy.to)) return `${service} still has a way to ${policy.to}`;
      return undefined;
    }
    case 'mtls': {
      if (service !== policy.service || !config.hasPublicListener) return undefined;
      const wanted = policy.mode === 'permissive';
      return config.permissive === wanted ? undefined : `${service} is not ${policy.mode} yet`;
    }
  }
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && [...a].sort().every((value, i) => value === [...b].sort()[i]);
}
