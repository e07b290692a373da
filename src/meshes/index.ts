import { consul } from './consul/index.ts';
import type { MeshEntry } from './define-mesh.ts';
import { istio } from './istio/index.ts';
import { linkerd } from './linkerd/index.ts';

/** Every mesh. A new one is a folder of its own and a line here. */
export const meshes = { consul, istio, linkerd } as const satisfies Record<string, MeshEntry>;

export type MeshName = keyof typeof meshes;

/** Labels and annotations for a pod that no mesh may touch, whichever is installed. */
export function outsideOf(entries: readonly MeshEntry[] = Object.values(meshes)): {
  labels: Record<string, string>;
  annotations: Record<string, string>;
} {
  return {
    labels: Object.assign({}, ...entries.map(({ keepOut }) => keepOut.labels)) as Record<string, string>,
    annotations: Object.assign({}, ...entries.map(({ keepOut }) => keepOut.annotations)) as Record<string, string>,
  };
}
