import { meshNames } from '../../src/library/defaults.ts';
import { meshes, type MeshName } from '../../src/meshes/index.ts';
import type { MeshEntry } from '../../src/meshes/define-mesh.ts';
import { releaseOnlyTools } from '../../src/tools/tool.ts';

/** Meshes that every machine can get; the others are tested where their programs are given. */
export const meshesHere: readonly MeshName[] = meshNames.filter((name) => {
  const { tools }: MeshEntry = meshes[name];
  return !tools.some((tool) => releaseOnlyTools.includes(tool));
});
