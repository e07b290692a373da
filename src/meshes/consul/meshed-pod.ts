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

interface ContainerStatus {
  name: string;
  started?: boolean;
  ready?: boolean;
  restartCount: number;
  state?: { waiting?: { reason?: string; message?: string }; terminated?: { reason?: string; exitCode: number } };
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
  return !pod.metadata.deletionTimestamp && !['Succeeded', 'Failed'].includes(pod.status?.phase);
}

export function toMeshedPod(pod: KubeObject): MeshedPod {
  const { name, namespace = 'default', uid = '', annotations: notes, labels: podLabels } = pod.metadata;
  const containers: { name: string; env?: { name: string; value?: string }[] }[] = pod.spec.initContainers ?? [];
  const hasSidecar = containers.some((container) => container.name === sidecarContainer);
  const registration = containers
    .find((container) => container.name === initContainer)
    ?.env?.find((variable) => variable.name === 'REGISTRATION')?.value;
  const notRunning = hasSidecar ? whyNotRunning(pod) : undefined;
  return {
    ref: { namespace, name, uid, ip: pod.status?.podIP ?? '', node: pod.spec.nodeName ?? '' },
    service: notes?.[annotations.service] ?? podLabels?.app ?? podLabels?.['app.kubernetes.io/name'] ?? '',
    hasSidecar,
    isServer: registration !== undefined && 'port' in JSON.parse(registration).service,
    ...(notRunning === undefined ? {} : { notRunning }),
  };
}

function whyNotRunning(pod: KubeObject): string | undefined {
  const statuses: ContainerStatus[] = pod.status?.initContainerStatuses ?? [];
  const sidecar = statuses.find((status) => status.name === sidecarContainer);
  if (sidecar?.started) return undefined;
  const init = statuses.find((status) => status.name === initContainer);
  for (const status of [init, sidecar]) {
    const { waiting, terminated } = status?.state ?? {};
    if (waiting && waiting.reason !== 'PodInitializing')
      return `${status!.name} waits: ${waiting.reason ?? ''} ${waiting.message ?? ''}`.trim();
    if (terminated && terminated.exitCode !== 0) {
      return `${status!.name} ended with exit code ${terminated.exitCode} (restarts: ${status!.restartCount})`;
    }
  }
  return `${sidecarContainer} has not started yet`;
}
