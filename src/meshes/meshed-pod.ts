import { containerStatus, hasEnded, isTerminating, waitingReason } from '../kube/pod-status.ts';
import { selects } from '../kube/selector.ts';
import type { KubeClient, KubeObject, PodRef } from '../kube/types.ts';
import type { SidecarProblem } from './adapter.ts';

/** A pod as a mesh with sidecars sees it. */
export interface MeshedPod {
  ref: PodRef;
  service: string;
  hasSidecar: boolean;
  /** Why its sidecar does not run, in the kubelet's words; undefined when it does. */
  notRunning?: string;
  /** It has a port that others call. */
  isServer: boolean;
}

export interface SidecarContainers {
  sidecar: string;
  init: string;
}

/** What is wrong with a pod, with whose it is. */
export function problemOf(
  { ref, service }: Pick<MeshedPod, 'ref' | 'service'>,
  problem: SidecarProblem['problem'],
  detail: string,
): SidecarProblem {
  return { pod: ref.name, namespace: ref.namespace, service, problem, detail };
}

/**
 * Pods of a namespace that should be in the mesh, with or without a sidecar: all but those that are to stay outside. A pod behind
 * a Service cannot opt out: it would be a replica that is called in plaintext.
 *
 * @param staysOutside whether a pod carries the mesh's mark for that
 */
export async function podsToBeMeshed(
  kube: KubeClient,
  namespace: string,
  staysOutside: (pod: KubeObject) => boolean,
): Promise<KubeObject[]> {
  const [pods, services] = await Promise.all(
    ['pods', 'services'].map((kind) => kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/${kind}`)),
  );
  const called = (pod: KubeObject): boolean =>
    services!.some(
      ({ spec }) =>
        spec.selector !== undefined && selects(spec.selector as Record<string, string>, pod.metadata.labels ?? {}),
    );
  return pods!.filter((pod) => isLive(pod) && !pod.spec.hostNetwork && (!staysOutside(pod) || called(pod)));
}

/** Neither on its way out nor at its end. */
export function isLive(pod: KubeObject): boolean {
  return !isTerminating(pod) && !hasEnded(pod);
}

/** Of a pod that has one. Undefined: it runs. */
export function whyNotRunning(pod: KubeObject, containers: SidecarContainers): string | undefined {
  const sidecar = containerStatus(pod, containers.sidecar);
  if (sidecar?.started) return undefined;
  for (const status of [containerStatus(pod, containers.init), sidecar]) {
    if (status === undefined) continue;
    const reason = waitingReason(status);
    if (reason !== undefined) return `${status.name} waits: ${reason}`;
    const { terminated } = status.state ?? {};
    if (terminated && terminated.exitCode !== 0) {
      return `${status.name} ended with exit code ${terminated.exitCode} (restarts: ${status.restartCount})`;
    }
  }
  return `${containers.sidecar} has not started yet`;
}
