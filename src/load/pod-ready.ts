import { MeshproofError } from '../base/errors.ts';
import { pollUntil, type Look } from '../base/poll.ts';
import type { KubeClient, PodRef } from '../kube/types.ts';

/** Pod and sidecar up. */
const readyTimeoutMs = 60_000;

export function startError(why: string, hint: string): MeshproofError {
  return new MeshproofError('MESHPROOF_LOAD_START', `load: ${why}`, hint);
}

export interface PodStatus {
  phase?: string;
  podIP?: string;
  reason?: string;
  message?: string;
  conditions?: { type: string; status: string; message?: string }[];
  initContainerStatuses?: ContainerStatus[];
  containerStatuses?: ContainerStatus[];
}

interface ContainerStatus {
  name: string;
  state?: { waiting?: { reason?: string; message?: string } };
}

/** Reasons of a waiting container that time does not mend. */
const hopeless =
  /^(ErrImage|ImagePullBackOff|ImageInspectError|InvalidImageName|CreateContainer|RunContainerError|CrashLoopBackOff)/;

/** The pod once it is ready, its sidecar included. @throws MeshproofError MESHPROOF_LOAD_START with the reason it is not. */
export async function podReady(
  kube: KubeClient,
  namespace: string,
  name: string,
  signal: AbortSignal,
  detail: (text: string) => void,
): Promise<PodRef> {
  const look = async (): Promise<Look<PodRef>> => {
    const pod = await kube.get(`/api/v1/namespaces/${namespace}/pods/${name}`);
    const status = (pod['status'] ?? {}) as PodStatus;
    const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    const waiting = containers.find(
      (container) => container.state?.waiting && container.state.waiting.reason !== 'PodInitializing',
    );
    const why = waiting
      ? `${waiting.name}: ${waiting.state?.waiting?.reason ?? ''} ${waiting.state?.waiting?.message ?? ''}`.trim()
      : '';
    if (hopeless.test(waiting?.state?.waiting?.reason ?? '')) {
      throw startError(
        `pod ${name} does not start: ${why}`,
        'Is the image on the node, and does the pod pass the cluster’s policies?',
      );
    }
    if (status.phase === 'Failed' || status.phase === 'Succeeded') {
      throw startError(
        `pod ${name} ended before the load began: ${status.reason ?? status.phase} ${status.message ?? ''}`,
        'See its log.',
      );
    }
    if (status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True')) {
      return {
        ready: {
          namespace,
          name,
          uid: pod.metadata.uid ?? '',
          ip: status.podIP ?? '',
          node: String(pod['spec']?.nodeName ?? ''),
        },
      };
    }
    const scheduled = status.conditions?.find(
      (condition) => condition.type === 'PodScheduled' && condition.status === 'False',
    );
    return { pending: why || scheduled?.message || `phase ${status.phase}` };
  };
  return await pollUntil(look, {
    what: `load pod ${name}`,
    timeoutMs: readyTimeoutMs,
    signal,
    code: 'MESHPROOF_LOAD_START',
    hint: 'See the events of the pod, and its sidecar.',
    onPending: detail,
  });
}
