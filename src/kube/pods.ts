import type { KubeClient, KubeObject, PodRef } from './types.ts';

export interface ContainerStatus {
  name: string;
  ready: boolean;
  restartCount: number;
  state?: {
    waiting?: { reason?: string; message?: string };
    running?: { startedAt: string };
    terminated?: { exitCode: number; reason?: string };
  };
  lastState?: { terminated?: { exitCode: number; reason?: string } };
}

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

export function isReady(pod: KubeObject): boolean {
  const conditions = (pod.status?.conditions ?? []) as { type: string; status: string }[];
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

export function isTerminating(pod: KubeObject): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

/** Init containers first, as they run. Ephemeral containers are not part of a pod's readiness. */
export function containerStatuses(pod: KubeObject): ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}
