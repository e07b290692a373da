import { podRef } from '../../kube/pods.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import { isLive, podsToBeMeshed, whyNotRunning, type MeshedPod } from '../meshed-pod.ts';
import { annotations, initContainer, labels, sidecarContainer } from './names.ts';

/** Pods that carry a sidecar and are not on their way out. @param namespace default: every one */
export async function injectedPods(kube: KubeClient, namespace?: string): Promise<MeshedPod[]> {
  return (await injectedPodObjects(kube, namespace)).map(toMeshedPod);
}

export async function injectedPodObjects(kube: KubeClient, namespace?: string): Promise<KubeObject[]> {
  const path = namespace === undefined ? '/api/v1/pods' : `/api/v1/namespaces/${namespace}/pods`;
  return (await kube.list<KubeObject>(path, `${labels.injected}=consul`)).filter(isLive);
}

/** Pods of a namespace that should be in the mesh, with or without a sidecar. */
export async function expectedPods(kube: KubeClient, namespace: string): Promise<MeshedPod[]> {
  const pods = await podsToBeMeshed(kube, namespace, ({ metadata }) => metadata.labels?.[labels.mesh] === 'false');
  return pods.map(toMeshedPod);
}

export function toMeshedPod(pod: KubeObject): MeshedPod {
  const { annotations: notes, labels: podLabels } = pod.metadata;
  const containers: { name: string; env?: { name: string; value?: string }[] }[] = pod.spec.initContainers ?? [];
  const hasSidecar = containers.some((container) => container.name === sidecarContainer);
  const registration = containers
    .find((container) => container.name === initContainer)
    ?.env?.find((variable) => variable.name === 'REGISTRATION')?.value;
  const notRunning = hasSidecar ? whyNotRunning(pod, { sidecar: sidecarContainer, init: initContainer }) : undefined;
  return {
    ref: podRef(pod),
    service: notes?.[annotations.service] ?? podLabels?.app ?? podLabels?.['app.kubernetes.io/name'] ?? '',
    hasSidecar,
    isServer: registration !== undefined && 'Port' in JSON.parse(registration),
    ...(notRunning === undefined ? {} : { notRunning }),
  };
}
