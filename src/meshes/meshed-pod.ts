import { containerStatus, hasEnded, isTerminating, waitingReason } from '../kube/pod-status.ts';
import type { KubeObject, PodRef } from '../kube/types.ts';
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
