import { podRef } from '../kube/pods.ts';
import type { KubeClient, KubeObject } from '../kube/types.ts';
import { isLive, podsToBeMeshed, whyNotRunning, type MeshedPod, type SidecarContainers } from './meshed-pod.ts';

/** How pods look that a mesh's webhook gives a sidecar. */
export interface Injection extends SidecarContainers {
  /** Label selector of those that got one. */
  injected: string;
  /** The service a pod belongs to, by the label that the mesh goes by; without it, by app.kubernetes.io/name or app. */
  serviceLabel?: string | undefined;
  /** A pod that asks to stay outside. */
  staysOutside(pod: KubeObject): boolean;
}

export interface InjectedPods {
  /** Pods that carry a sidecar and are not on their way out, in every namespace. */
  all(kube: KubeClient): Promise<MeshedPod[]>;
  /** Those of a namespace. */
  in(kube: KubeClient, namespace: string): Promise<MeshedPod[]>;
  /** Those of a namespace whose sidecar runs. */
  running(kube: KubeClient, namespace: string): Promise<MeshedPod[]>;
  /** Pods of a namespace that should be in the mesh, with or without a sidecar. */
  expected(kube: KubeClient, namespace: string): Promise<MeshedPod[]>;
  toMeshedPod(pod: KubeObject): MeshedPod;
}

export function injectedPods(injection: Injection): InjectedPods {
  const { injected, serviceLabel = '', sidecar, init, staysOutside } = injection;
  const toMeshedPod = (pod: KubeObject): MeshedPod => {
    const marks = pod.metadata.labels ?? {};
    const containers: { name: string; ports?: unknown[] }[] = [
      ...(pod.spec.initContainers ?? []),
      ...pod.spec.containers,
    ];
    const hasSidecar = containers.some(({ name }) => name === sidecar);
    const notRunning = hasSidecar ? whyNotRunning(pod, { sidecar, init }) : undefined;
    return {
      ref: podRef(pod),
      service: marks[serviceLabel] ?? marks['app.kubernetes.io/name'] ?? marks['app'] ?? '',
      hasSidecar,
      isServer: containers.some(({ name, ports = [] }) => name !== sidecar && ports.length > 0),
      ...(notRunning === undefined ? {} : { notRunning }),
    };
  };
  const listed = async (kube: KubeClient, path: string): Promise<MeshedPod[]> =>
    (await kube.list<KubeObject>(path, injected)).filter(isLive).map(toMeshedPod);
  const inside: InjectedPods['in'] = (kube, namespace) => listed(kube, `/api/v1/namespaces/${namespace}/pods`);
  return {
    all: (kube) => listed(kube, '/api/v1/pods'),
    in: inside,
    running: async (kube, namespace) =>
      (await inside(kube, namespace)).filter(({ notRunning }) => notRunning === undefined),
    expected: async (kube, namespace) => (await podsToBeMeshed(kube, namespace, staysOutside)).map(toMeshedPod),
    toMeshedPod,
  };
}
