import { MeshproofError } from '../base/errors.ts';
import { getIfThere } from '../kube/get-if-there.ts';
import type { KubeClient, KubeObject, ObjectMeta } from '../kube/types.ts';
import type { MeshEntry } from './define-mesh.ts';

type Signed = Pick<MeshEntry, 'name' | 'title' | 'signs'>;

/**
 * Two meshes at once prove nothing about either: another one's proxies may be in the pods, or its rules in their network.
 * Nothing is changed.
 *
 * @param all every mesh that is known
 * @param namespace of the application
 * @throws MeshproofError MESHPROOF_MESH_CONFLICT saying what of which mesh is there
 */
export async function refuseOtherMeshes(
  kube: KubeClient,
  wanted: Signed,
  { all, namespace }: { all: readonly Signed[]; namespace: string },
): Promise<void> {
  const others = all.filter(({ name }) => name !== wanted.name);
  const [own, ...running] = await Promise.all([
    getIfThere(kube, `/api/v1/namespaces/${namespace}`),
    ...others.map(async (mesh) => ({ mesh, workloads: await controlPlaneOf(kube, mesh) })),
  ]);
  const found = [
    ...running.flatMap(({ mesh, workloads }) => workloads.map((workload) => runs(mesh, workload))),
    ...others.flatMap((mesh) => invitationsOf(mesh, own?.metadata).map((mark) => invites(mesh, namespace, mark))),
  ];
  if (found.length === 0) return;
  throw new MeshproofError(
    'MESHPROOF_MESH_CONFLICT',
    `${wanted.title} is asked for, and another mesh is in the cluster: ${found.join('; ')}`,
    'Choose that mesh with --mesh, remove it, or take a lab without it: two meshes at once prove nothing about either.',
  );
}

async function controlPlaneOf(kube: KubeClient, { signs }: Signed): Promise<KubeObject[]> {
  const lists = signs.controlPlane.flatMap(({ labels, namespace }) =>
    ['deployments', 'statefulsets'].map((kind) =>
      kube.list(`/apis/apps/v1/${namespace === undefined ? '' : `namespaces/${namespace}/`}${kind}`, labels),
    ),
  );
  return (await Promise.all(lists)).flat();
}

/** Marks of a namespace that call a mesh's injector, as `key=value`. Pure. */
export function invitationsOf(
  { signs }: Pick<Signed, 'signs'>,
  { labels = {}, annotations = {} }: Pick<ObjectMeta, 'labels' | 'annotations'> = {},
): string[] {
  return signs.invitations.flatMap(({ key, unless }) =>
    [labels[key], annotations[key]].flatMap((value) =>
      value === undefined || value === unless ? [] : [`${key}=${value}`],
    ),
  );
}

function runs({ title }: Signed, { kind, metadata }: KubeObject): string {
  return `${title}’s ${kind} ${metadata.namespace}/${metadata.name}`;
}

function invites({ title }: Signed, namespace: string, mark: string): string {
  return `namespace ${namespace} asks for ${title}’s injector (${mark})`;
}
