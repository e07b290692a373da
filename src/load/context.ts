import type { Progress } from '../base/progress.ts';
import type { ImageMap } from '../images/image.ts';
import type { KubeClient, KubeObject } from '../kube/types.ts';

/** What load needs of the lab. */
export interface LoadContext {
  kube: KubeClient;
  images: ImageMap;
  /** Puts the objects into the mesh; identity for unmeshed load. */
  inject: (objects: KubeObject[]) => KubeObject[];
  progress: Progress;
  signal: AbortSignal;
  /** Output of k6 is kept here as `<pod>.log`. */
  workDir: string;
}
