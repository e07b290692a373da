import { messageOf } from '../base/errors.ts';
import type { Look } from '../base/poll.ts';
import { isRetryable } from '../base/retryable.ts';
import type { KubeClient, KubeObject, ObjectMeta } from '../kube/types.ts';

/**
 * What comes of a pod that asks for a sidecar, without making it: pods that are made while the injector does not answer come up
 * without one, and nobody says so.
 *
 * @returns the pod as it would be
 */
export async function asksForSidecar(
  kube: KubeClient,
  marks: Pick<ObjectMeta, 'labels' | 'annotations'>,
  sidecarContainer: string,
  namespace = 'default',
): Promise<Look<KubeObject>> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'meshproof-injected', namespace, ...marks },
    spec: { containers: [{ name: 'app', image: 'none' }] },
  };
  try {
    const made = await kube.patch(`/api/v1/namespaces/${namespace}/pods/meshproof-injected?dryRun=All`, pod, 'apply');
    const all: { name: string }[] = [...(made.spec.initContainers ?? []), ...made.spec.containers];
    return all.some(({ name }) => name === sidecarContainer)
      ? { ready: made }
      : { pending: 'a pod that asks for a sidecar gets none' };
  } catch (error) {
    // A webhook that does not answer yet refuses every pod.
    if (isRetryable(error) || /failed calling webhook/.test(messageOf(error))) return { pending: messageOf(error) };
    throw error;
  }
}
