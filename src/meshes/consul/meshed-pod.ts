import { containerStatus, hasEnded, isTerminating, waitingReason } from '../../kube/pod-status.ts';
import { podRef } from '../../kube/pods.ts';
import type { KubeClient, KubeObject, PodRef } from '../../kube/types.ts';
import { annotations, initContainer, labels, sidecarContainer } from './names.ts';

/** A pod as the mesh sees it. */
export interface MeshedPod {
  ref: PodRef;
  service: string;
  hasSidecar: boolean;
  /** Why its sidecar does not run, in the kubelet's words; undefined when it does. */
  notRunning?: string;
  /** It has a port that others call. */
  isServer: boolean;
}

/** Pods that carry a sidecar and are not on their way out, in every namespace. */
export async function injectedPods(kube: KubeClient): Promise<MeshedPod[]> {
  return (await injectedPodObjects(kube)).map(toMeshedPod);
}

export async function injectedPodObjects(kube: KubeClient): Promise<KubeObject[]> {
  return (await kube.list<KubeObject>('/api/v1/pods', `${labels.injected}=consul`)).filter(isLive);
}

/** Pods of a namespace that should be in the mesh, with or without a sidecar. */
export async function expectedPods(kube: KubeClient, namespace: string): Promise<MeshedPod[]> {
  const pods = await kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/pods`);
  return pods
    .filter((pod) => isLive(pod) && pod.metadata.labels?.[labels.mesh] !== 'false' && !pod.spec.hostNetwork)
    .map(toMeshedPod);
}

export function isLive(pod: KubeObject): boolean {
  return !isTerminating(pod) && !hasEnded(pod);
}

export function toMeshedPod(pod: KubeObject): MeshedPod {
  const { annotations: notes, labels: podLabels } = pod.metadata;
  const containers: { name: string; env?: { name: string; value?: string }[] }[] = pod.spec.initContainers ?? [];
  const hasSidecar = containers.some((container) => container.name === sidecarContainer);
  const registration = containers
    .find((container) => container.name === initContainer)
    ?.env?.find((variable) => variable.name === 'REGISTRATION')?.value;
  const notRunning = hasSidecar ? whyNotRunning(pod) : undefined;
  return {
    ref: podRef(pod),
    service: notes?.[annotations.service] ?? podLabels?.app ?? podLabels?.['app.kubernetes.io/name'] ?? '',
    hasSidecar,
    isServer: registration !== undefined && 'Port' in JSON.parse(registration),
    ...(notRunning === undefined ? {} : { notRunning }),
  };
}

function whyNotRunning(pod: KubeObject): string | undefined {
  const sidecar = containerStatus(pod, sidecarContainer);
  if (sidecar?.started) return undefined;
  for (const status of [containerStatus(pod, initContainer), sidecar]) {
    if (status === undefined) continue;
    const reason = waitingReason(status);
    if (reason !== undefined) return `${status.name} waits: ${reason}`;
    const { terminated } = status.state ?? {};
    if (terminated && terminated.exitCode !== 0) {
      return `${status.name} ended with exit code ${terminated.exitCode} (restarts: ${status.restartCount})`;
    }
  }
  return `${sidecarContainer} has not started yet`;
}
