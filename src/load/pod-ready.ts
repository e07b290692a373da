import { MeshproofError } from '../base/errors.ts';
import { pollUntil, type Look } from '../base/poll.ts';
import {
  condition,
  containerStatuses,
  firstTrouble,
  hasEnded,
  isReady,
  waitingReason,
  type PodStatus,
} from '../kube/pod-status.ts';
import { podRef } from '../kube/pods.ts';
import type { KubeClient, PodRef } from '../kube/types.ts';

/** Pod and sidecar up. */
const readyTimeoutMs = 60_000;

export function startError(why: string, hint: string): MeshproofError {
  return new MeshproofError('MESHPROOF_LOAD_START', `load: ${why}`, hint);
}

/** The pod once it is ready, its sidecar included. @throws MeshproofError MESHPROOF_LOAD_START with the reason it is not. */
export async function podReady(
  kube: KubeClient,
  namespace: string,
  name: string,
  signal: AbortSignal,
  detail: (text: string) => void,
): Promise<PodRef> {
  using pods = kube.follow(`/api/v1/namespaces/${namespace}/pods?fieldSelector=metadata.name%3D${name}`);
  const look = async (): Promise<Look<PodRef>> => {
    const [pod] = await pods.current();
    if (pod === undefined) throw startError(`pod ${name} has gone`, 'See the events of its namespace.');
    // Its image is on the node, and it is never started twice: what is wrong now stays wrong.
    const trouble = firstTrouble(pod);
    if (trouble) {
      throw startError(
        `pod ${name} does not start: ${trouble.reason}`,
        'Is the image on the node, and does the pod pass the cluster’s policies?',
      );
    }
    const status = (pod['status'] ?? {}) as PodStatus;
    if (hasEnded(pod)) {
      throw startError(
        `pod ${name} ended before the load began: ${status.reason ?? status.phase} ${status.message ?? ''}`,
        'See its log.',
      );
    }
    if (isReady(pod)) return { ready: podRef(pod) };
    const waits = containerStatuses(pod)
      .map((one) => [one.name, waitingReason(one)] as const)
      .find(([, reason]) => reason !== undefined);
    const scheduled = condition(pod, 'PodScheduled');
    const unscheduled = scheduled?.status === 'False' ? scheduled.message : undefined;
    return { pending: waits?.join(': ') ?? unscheduled ?? `phase ${status.phase}` };
  };
  return await pollUntil(look, {
    what: `load pod ${name}`,
    timeoutMs: readyTimeoutMs,
    intervalMs: 1000,
    changed: () => pods.changed(),
    signal,
    code: 'MESHPROOF_LOAD_START',
    hint: 'See the events of the pod, and its sidecar.',
    onPending: detail,
  });
}
