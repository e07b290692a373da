import { isReady, isTerminating } from './pod-status.ts';
import type { KubeClient, KubeObject, PodRef } from './types.ts';

/** Pods of a namespace that are ready and not on their way out, by name. */
export async function readyPods(kube: KubeClient, namespace: string, labelSelector?: string): Promise<PodRef[]> {
  const pods = await kube.list(`/api/v1/namespaces/${namespace}/pods`, labelSelector);
  return pods
    .filter((pod) => !isTerminating(pod) && isReady(pod))
    .map(podRef)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function podRef(pod: KubeObject): PodRef {
  return {
    namespace: pod.metadata.namespace ?? 'default',
    name: pod.metadata.name,
    uid: pod.metadata.uid ?? '',
    ip: pod.status?.podIP ?? '',
    node: pod.spec?.nodeName ?? '',
  };
}
