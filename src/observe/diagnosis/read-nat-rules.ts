import type { KubeClient, PodRef } from '../../kube/types.ts';
import type { MeshAdapter } from '../../meshes/adapter.ts';
import { lookIntoPod } from './look-into-pod.ts';
import { parseNatRules, type NatRules } from './nat-rules.ts';

export type RulesReader = (pod: PodRef) => Promise<NatRules | undefined>;

/**
 * The nat rules of a pod, read once each: an ephemeral container stays in its spec. Undefined where the mesh has no such
 * rules, no image was given, or the cluster does not allow to look.
 */
export function natRulesReader(options: {
  kube: KubeClient;
  mesh: Pick<MeshAdapter, 'interception'>;
  toolImage?: string | undefined;
  signal?: AbortSignal | undefined;
}): RulesReader {
  const { kube, mesh, toolImage, signal } = options;
  const known = new Map<string, Promise<NatRules | undefined>>();
  const read = async (pod: PodRef): Promise<NatRules | undefined> => {
    if (!mesh.interception || toolImage === undefined) return undefined;
    try {
      return parseNatRules(await lookIntoPod(kube, pod, { image: toolImage, script: 'iptables-save -t nat', signal }));
    } catch {
      signal?.throwIfAborted();
      return undefined;
    }
  };
  return (pod) => {
    const rules = known.get(pod.uid) ?? read(pod);
    known.set(pod.uid, rules);
    return rules;
  };
}
