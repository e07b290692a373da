import { MeshproofError } from '../base/errors.ts';
import { getIfThere } from '../kube/get-if-there.ts';
import type { KubeClient, KubeObject } from '../kube/types.ts';
import type { MeshAdapter } from '../meshes/adapter.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import { seenPods, type SeenPod } from '../views/seen-pods.ts';

/** A mesh as a guest comes upon it, with the pods that live in the namespace. */
export interface FoundMesh {
  entry: MeshEntry;
  mesh: MeshAdapter;
  pods: SeenPod[];
}

/**
 * The mesh that is asked for, else the one whose sidecars the pods of a namespace have. Nobody needs to have one where the mesh is
 * named: that is a finding.
 *
 * @param open how a mesh is talked to
 * @throws MeshproofError MESHPROOF_USAGE where there is no namespace, no pod, no sidecar of a mesh that is known, or several; and for a
 * mesh that cannot be looked at by a guest
 */
export async function findMesh(
  kube: KubeClient,
  namespace: string,
  {
    entries,
    asked,
    open,
  }: { entries: readonly MeshEntry[]; asked: MeshEntry | undefined; open: (entry: MeshEntry) => MeshAdapter },
): Promise<FoundMesh> {
  const [there, pods, services] = await Promise.all([
    getIfThere(kube, `/api/v1/namespaces/${namespace}`),
    kube.list(`/api/v1/namespaces/${namespace}/pods`),
    kube.list(`/api/v1/namespaces/${namespace}/services`),
  ]);
  if (there === undefined) throw usage(`There is no namespace ${namespace}`, 'Check --namespace and --context.');
  const found = (asked === undefined ? entries : [asked]).map((entry) => foundAs(entry, open(entry), pods, services));
  const [first] = found;
  if (first === undefined || first.pods.length === 0)
    throw usage(`No pod lives in the namespace ${namespace}`, 'There is nothing to be verified: check --namespace.');
  const meshed = asked === undefined ? found.filter((one) => one.pods.some((pod) => pod.meshed)) : found;
  const [one, another] = meshed;
  const titles = entries.map(({ title }) => title).join(', ');
  if (one === undefined)
    throw usage(
      `No pod of the namespace ${namespace} has a sidecar of a mesh that is known (${titles})`,
      'Name the mesh that it should be in with --mesh: then every pod without a sidecar is a finding.',
    );
  if (another !== undefined)
    throw usage(
      `Pods of the namespace ${namespace} have sidecars of ${meshed.map(({ entry }) => entry.title).join(' and ')}`,
      'Name the one that is meant with --mesh.',
    );
  if (one.entry.guestRights !== undefined) return one;
  const can = entries.filter(({ guestRights }) => guestRights !== undefined).map(({ title }) => title);
  throw usage(
    `${one.entry.title} cannot be verified in a cluster that is somebody’s yet`,
    `${can.join(' and ')} can; in a lab of meshproof’s own \`meshproof check\` and \`meshproof edges\` look at it.`,
  );
}

function foundAs(
  entry: MeshEntry,
  mesh: MeshAdapter,
  pods: readonly KubeObject[],
  services: readonly KubeObject[],
): FoundMesh {
  return { entry, mesh, pods: seenPods(pods, services, mesh.sidecarContainer) };
}

function usage(message: string, hint: string): MeshproofError {
  return new MeshproofError('MESHPROOF_USAGE', message, hint);
}
