import type { Json } from '../base/json.ts';
import type { Policy } from '../policies/index.ts';
import type { Comparison } from './policy-renderer.ts';

/** One of the mesh's own resources: a config entry, a custom resource. `null`: there is none. */
export type PolicyResource = { id: string; value: Json };

/** One that policies need, with why it is said in another resource than usual, where that is so. */
export type RenderedResource = PolicyResource & { note?: string | undefined };

/** What policies are written to, and who must act on them. Each mesh brings its own. */
export interface PolicyTarget {
  /** Everything policies are made of, as it is now. */
  read(): Promise<ReadonlyMap<string, Json>>;
  /** Pure: what these policies need, in the order in which it must be written. @param services those of the mesh */
  render(
    policies: readonly Policy[],
    current: ReadonlyMap<string, Json>,
    services: readonly string[],
  ): RenderedResource[];
  /** Pure: everything as it was before any policy, in the order in which it must be written. */
  pristine(current: ReadonlyMap<string, Json>): PolicyResource[];
  /** Repeatable. */
  write(resource: PolicyResource): Promise<void>;
  /** What a user of this mesh would copy. */
  toYaml(resource: RenderedResource): string;
  /** Every proxy that runs now. */
  proxies(): Promise<PolicyProxy[]>;
}

export interface PolicyProxy {
  podUid: string;
  pod: string;
  service: string;
  /** What it was told. Throws when it cannot be asked. */
  look(): Promise<ProxyLook>;
}

export interface ProxyLook {
  /** What it shows of a policy; undefined where it has nothing to do with it. */
  compare(policy: Policy): Comparison | undefined | Promise<Comparison | undefined>;
  /** A trace of any policy on how it calls others, or undefined. */
  trace(): string | undefined | Promise<string | undefined>;
  /** Why it does not act on what it was told (yet): it refused an update, or old connections live on. */
  unsettled: string | undefined;
}
