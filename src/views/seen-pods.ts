import { MeshproofError } from '../base/errors.ts';
import { getIfThere } from '../kube/get-if-there.ts';
import { hasEnded, isTerminating } from '../kube/pod-status.ts';
import { podRef } from '../kube/pods.ts';
import { selects } from '../kube/selector.ts';
import type { KubeClient, KubeObject, PodRef } from '../kube/types.ts';
import type { MeshAdapter } from '../meshes/adapter.ts';
import { hasContainer, type PodJson } from '../observe/health/pod.ts';

/** A pod that lives, in or outside of the mesh. */
export interface SeenPod {
  ref: PodRef;
  /** As its labels say: the Service that selects it, or else what it calls itself. */
  service: string;
  /** A Service selects it. */
  called: boolean;
  meshed: boolean;
}

/**
 * Every pod of a namespace that lives.
 *
 * @throws MeshproofError MESHPROOF_USAGE when there is no such namespace, or none of its pods is in the mesh
 */
export async function seePods(
  kube: KubeClient,
  { sidecarContainer, name }: Pick<MeshAdapter, 'sidecarContainer' | 'name'>,
  namespace: string,
): Promise<SeenPod[]> {
  const [pods, services] = await Promise.all([
    kube.list(`/api/v1/namespaces/${namespace}/pods`),
    kube.list(`/api/v1/namespaces/${namespace}/services`),
  ]);
  const seen = seenPods(pods, services, sidecarContainer);
  if (seen.some(({ meshed }) => meshed)) return seen;
  const there = await getIfThere(kube, `/api/v1/namespaces/${namespace}`);
  throw new MeshproofError(
    'MESHPROOF_USAGE',
    there === undefined
      ? `There is no namespace ${namespace}`
      : `No pod of the namespace ${namespace} is in the mesh (${name}): none of ${seen.length} has a container ${sidecarContainer}`,
    'Check --namespace; left out, it is the one whose pods are in the mesh.',
  );
}

/** Pure. */
export function seenPods(
  pods: readonly KubeObject[],
  services: readonly KubeObject[],
  sidecarContainer: string,
): SeenPod[] {
  return pods
    .filter((pod) => !isTerminating(pod) && !hasEnded(pod))
    .map((pod) => ({
      ref: podRef(pod),
      ...serviceOf(pod, services),
      meshed: hasContainer(pod as unknown as PodJson, sidecarContainer),
    }))
    .sort((a, b) => a.service.localeCompare(b.service) || a.ref.name.localeCompare(b.ref.name));
}

function serviceOf({ metadata }: KubeObject, services: readonly KubeObject[]): Pick<SeenPod, 'service' | 'called'> {
  const labels = metadata.labels ?? {};
  const behind = services.find(({ spec }) => {
    const selector = (spec?.selector ?? {}) as Record<string, string>;
    return Object.keys(selector).length > 0 && selects(selector, labels);
  });
  const service = behind?.metadata.name ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? metadata.name;
  return { service, called: behind !== undefined };
}
