import type { LoadPods, PodContext } from './load-pods.ts';

/** What load needs of the lab. */
export interface LoadContext extends PodContext {
  /** Where load pods come from and go back to. */
  pods: LoadPods;
  /** Output of k6 is kept here as `<pod>.<load>.log`. */
  workDir: string;
}
