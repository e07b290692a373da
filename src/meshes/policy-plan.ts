import type { Json } from '../base/json.ts';
import type { PolicyResource } from './policy-target.ts';

/** Plain JSON, for a journal: it takes the policies back in any later process. */
export type PolicyRollback = {
  policies: readonly Json[];
  /** The mesh's own resources as they were, in the order in which they are to be written; `value: null`: there was none. */
  resources: readonly PolicyResource[];
  /** By pod uid what its proxy showed of each policy. */
  proxies: { readonly [podUid: string]: readonly Json[] };
};

export interface PolicyPlan {
  /** What the mesh will be told, as YAML to copy from. */
  readonly rendered: string;
  readonly rollback: PolicyRollback;
  /**
   * Writes it, and waits until every running proxy acts on it. What was written is taken back on failure.
   *
   * @throws MeshproofError MESHPROOF_MESH_API when the mesh refuses it, MESHPROOF_MESH_NOT_READY when a proxy does not get it
   */
  apply(): Promise<AppliedPolicies>;
}

export interface AppliedPolicies {
  readonly rendered: string;
  readonly rollback: PolicyRollback;
  /** `restorePolicies` with its rollback. */
  undo(): Promise<void>;
}
