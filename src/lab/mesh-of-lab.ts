import { listLabs } from '../clusters/labs.ts';
import { meshes, type MeshName } from '../meshes/index.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import { readFingerprint } from './fingerprint.ts';
import { builtHere } from './mesh-release.ts';
import type { OwnMesh } from './own-mesh.ts';

/** Which mesh a lab was given, and what its user said of it; undefined where no lab of that name says so. */
export async function meshOfLab(
  lab: string,
  labs: () => Promise<{ name: string; stateDir: string }[]> = () => listLabs({ ask: false }),
): Promise<{ mesh: MeshName; ownMesh: OwnMesh } | undefined> {
  const there = (await labs()).find(({ name }) => name === lab);
  const fingerprint = there && (await readFingerprint(there.stateDir));
  const mesh = (Object.keys(meshes) as MeshName[]).find((name) => name === fingerprint?.mesh?.name);
  if (mesh === undefined) return undefined;
  const { own, setup } = fingerprint?.mesh ?? {};
  const { release }: MeshEntry = meshes[mesh];
  // Of one that has releases and notes none, that it was built.
  return { mesh, ownMesh: { ...own, ...(release !== undefined && { release: builtHere }), ...setup } };
}
