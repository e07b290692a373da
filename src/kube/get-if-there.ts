import { isHttpStatus } from './kube-api-error.ts';
import type { KubeClient, KubeObject } from './types.ts';

/** An object, or undefined where the API server knows none at that path. @throws KubeApiError for anything else */
export async function getIfThere(kube: KubeClient, path: string): Promise<KubeObject | undefined> {
  try {
    return await kube.get(path);
  } catch (error) {
    if (isHttpStatus(error, 404)) return undefined;
    throw error;
  }
}
