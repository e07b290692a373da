import type { Json } from '../base/json.ts';
import type { PolicyKind, PolicyOf } from '../policies/index.ts';

/** What a proxy has in the matter of a policy, and what it should have. In force when the two are equal. */
export interface Comparison {
  has: Json;
  wants: Json;
}

/**
 * How a mesh carries out one kind of policy. `Current` is what is there so far (what was read, and what the policies before
 * this one made of it), `Resource` one of the mesh's own resources, `Proxy` what one proxy was told.
 */
export interface PolicyRenderer<Kind extends PolicyKind, Current, Resource, Proxy> {
  /** Pure: the resources this policy changes, whole. */
  render(policy: PolicyOf<Kind>, current: Current): Resource[];
  /** What one proxy shows of this policy; undefined where it has nothing to do with it. */
  inForce(policy: PolicyOf<Kind>, proxy: Proxy): Comparison | undefined;
}

/** A kind that is missing here is one that the mesh cannot do. */
export type PolicyRenderers<Current, Resource, Proxy> = {
  readonly [Kind in PolicyKind]?: PolicyRenderer<Kind, Current, Resource, Proxy> | undefined;
};

/** The renderer of a kind that is only known at run time. */
export function rendererOf<Current, Resource, Proxy>(
  renderers: PolicyRenderers<Current, Resource, Proxy>,
  kind: PolicyKind,
): PolicyRenderer<PolicyKind, Current, Resource, Proxy> | undefined {
  // A renderer takes the policies of its own kind, and is looked up by it.
  return renderers[kind] as unknown as PolicyRenderer<PolicyKind, Current, Resource, Proxy> | undefined;
}

/** Each once: what all ports of a service have in common is one. */
export function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}
