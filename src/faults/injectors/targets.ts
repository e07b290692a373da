import { MeshproofError } from '../../base/errors.ts';
import type { FaultContext } from '../define-fault.ts';
import type { FaultSpec } from '../fault.ts';

/** Faults only hit namespaces that carry this label (docs/design.md, blast radius). */
export const chaosLabel = { name: 'meshproof.dev/chaos', value: 'allowed' };

export function refused(spec: FaultSpec, why: string, hint: string): MeshproofError {
  return new MeshproofError('MESHPROOF_FAULT_START', `fault ${spec.kind} at ${spec.target}: ${why}`, hint);
}

/** @throws MeshproofError MESHPROOF_FAULT_START without a target, or where faults are not allowed */
export async function checkTargets({ kube, pods }: FaultContext, spec: FaultSpec): Promise<void> {
  if (pods.length === 0)
    throw refused(spec, 'it has no ready replica', 'Wait for the workload to be ready; see its pods.');
  for (const name of new Set(pods.map((pod) => pod.namespace))) {
    const namespace = await kube.get(`/api/v1/namespaces/${name}`);
    if (namespace.metadata.labels?.[chaosLabel.name] === chaosLabel.value) continue;
    throw refused(
      spec,
      `namespace ${name} does not allow faults`,
      `Label it if that is what you want: kubectl label namespace ${name} ${chaosLabel.name}=${chaosLabel.value}`,
    );
  }
}
