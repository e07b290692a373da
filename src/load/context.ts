import type { Progress } from '../base/progress.ts';
import type { ImageMap } from '../images/image.ts';
import type { KubeClient, KubeObject } from '../kube/types.ts';
import type { LoadPods } from './load-pods.ts';

/** What load needs of the lab. */
export interface LoadContext {
  kube: KubeClient;
  images: ImageMap;
  /** Where load pods come from and go back to. */
  pods: LoadPods;
  /** Puts the objects into the mesh; identity for unmeshed load. */
  inject: (objects: KubeObject[]) => KubeObject[];
  progress: Progress;
  signal: AbortSignal;
  /** Output of k6 is kept here as `<pod>.<load>.log`. */
  workDir: string;
}
