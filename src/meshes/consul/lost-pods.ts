import type { KubeClient, KubeObject } from '../../kube/types.ts';
import { toMeshedPod } from './meshed-pod.ts';

/** What makes a pod again when it is deleted. */
const remakers = new Set(['ReplicaSet', 'StatefulSet', 'DaemonSet']);

/**
 * Pure: the pods to be replaced when a server knows none of the sidecars that run, as one that took the place of another
 * does: their tokens and registrations went with it. Empty while it knows any of them; pods that nobody would make again
 * are left where they are.
 *
 * @param pods those with a sidecar
 */
export function lostPods(pods: readonly KubeObject[], registeredPodUids: ReadonlySet<string>): KubeObject[] {
  const running = pods.filter((pod) => toMeshedPod(pod).notRunning === undefined);
  if (running.some(({ metadata }) => registeredPodUids.has(metadata.uid ?? ''))) return [];
  return running.filter(({ metadata }) => metadata.ownerReferences?.some(({ kind }) => remakers.has(kind)));
}

/** Deletes them; their workloads make them anew, and new pods register. */
export async function replacePods(kube: KubeClient, pods: readonly KubeObject[]): Promise<void> {
  for (const { metadata } of pods) await kube.delete(`/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`);
}
