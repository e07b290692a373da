import type { Policy } from '../policies/policy.ts';
import type { RunContext } from './context.ts';

export interface ArmPolicies extends AsyncDisposable {
  /** What the mesh was told, to copy from. */
  rendered: string;
}

/** Puts an arm's policies in force for a service, with outlier detection pinned off, and takes them back on disposal. */
export async function applyArmPolicies(
  service: string,
  policies: readonly Policy[],
  context: RunContext,
): Promise<ArmPolicies> {
  const all: Policy[] = [{ kind: 'outlier-detection', service, consecutiveErrors: 0 }, ...policies];
  let takeBack = async (): Promise<void> => {};
  const undo = await context.undo.register(`policies of ${service}`, () => takeBack());
  const applied = await context.lab.mesh.apply(all);
  takeBack = () => applied.undo();
  return { rendered: applied.rendered, [Symbol.asyncDispose]: () => undo.run() };
}
