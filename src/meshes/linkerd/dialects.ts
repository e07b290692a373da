import { linkerdPolicies } from './policies/index.ts';
import type { LinkerdRenderers } from './policies/renderer.ts';
import { serviceProfile } from './service-profile/index.ts';

/** By the name that `--mesh-dialect` takes. */
export const linkerdDialects = { 'service-profile': serviceProfile } as const;

/** What Linkerd can do of the policies, told in this dialect; undefined: in its usual one. */
export function renderersIn(dialect: string | undefined): LinkerdRenderers {
  return byProfiles(dialect) ? { ...linkerdPolicies, ...serviceProfile.policies } : linkerdPolicies;
}

/** Whether callers are told by ServiceProfiles. */
export function byProfiles(dialect: string | undefined): boolean {
  return dialect === ('service-profile' satisfies keyof typeof linkerdDialects);
}
