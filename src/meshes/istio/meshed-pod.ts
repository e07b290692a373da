import { podRef } from '../../kube/pods.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import { isLive, podsToBeMeshed, whyNotRunning, type MeshedPod } from '../meshed-pod.ts';
import { initContainer, labels, sidecarContainer } from './names.ts';

/** Pods that carry a sidecar and are not on their way out, in every namespace. */
export async function injectedPods(kube: KubeClient): Promise<MeshedPod[]> {
  return (await kube.list<KubeObject>('/api/v1/pods', labels.injected)).filter(isLive).map(toMeshedPod);
}

/** Those of a namespace whose sidecar runs. */
export async function runningPods(kube: KubeClient, namespace: string): Promise<MeshedPod[]> {
  const pods = await injectedPods(kube);
  return pods.filter(({ ref, notRunning }) => ref.namespace === namespace && notRunning === undefined);
}

/** Pods of a namespace that should be in the mesh, with or without a sidecar. */
export async function expectedPods(kube: KubeClient, namespace: string): Promise<MeshedPod[]> {
  const pods = await podsToBeMeshed(kube, namespace, ({ metadata }) => metadata.labels?.[labels.inject] === 'false');
  return pods.map(toMeshedPod);
}

export function toMeshedPod(pod: KubeObject): MeshedPod {
  const marks = pod.metadata.labels ?? {};
  const containers: { name: string; ports?: unknown[] }[] = [
    ...(pod.spec.initContainers ?? []),
    ...pod.spec.containers,
  ];
  const hasSidecar = containers.some(({ name }) => name === sidecarContainer);
  const notRunning = hasSidecar ? whyNotRunning(pod, { sidecar: sidecarContainer, init: initContainer }) : undefined;
  return {
    ref: podRef(pod),
    service: marks[labels.service] ?? marks['app.kubernetes.io/name'] ?? marks['app'] ?? '',
    hasSidecar,
    isServer: containers.some(({ name, ports = [] }) => name !== sidecarContainer && ports.length > 0),
    ...(notRunning === undefined ? {} : { notRunning }),
  };
}
