import type { Policy } from '../../../policies/index.ts';

/** Pure: why a ServiceProfile cannot say these policies, that hold at the same time; undefined: it can. */
export function cannotSay(policies: readonly Policy[]): string | undefined {
  const budgets = new Map<string, Set<number>>();
  for (const policy of policies) {
    if (policy.kind === 'outlier-detection' && policy.consecutiveErrors > 0)
      return `callers of a service with a ServiceProfile leave out no replica, so none of ${policy.service} after ${policy.consecutiveErrors} errors`;
    if (policy.kind === 'retry' && policy.attempts > 0)
      budgets.set(policy.service, (budgets.get(policy.service) ?? new Set()).add(policy.attempts));
  }
  const [several] = [...budgets].filter(([, attempts]) => attempts.size > 1);
  if (several === undefined) return undefined;
  const [service, attempts] = several;
  return `a ServiceProfile has one retry budget for all routes of ${service}, not ${[...attempts].toSorted((a, b) => a - b).join(' and ')} retries for some of them`;
}
