import { isHttpStatus } from '../../kube/kube-api-error.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';

/** Services of the namespace with a ServiceProfile: callers go by it, and silently by no retry, timeout or accrual annotation. */
export async function overridden(kube: KubeClient, namespace: string): Promise<ReadonlySet<string>> {
  try {
    const profiles = await kube.list<KubeObject>(`/apis/linkerd.io/v1alpha2/namespaces/${namespace}/serviceprofiles`);
    return new Set(profiles.map(({ metadata }) => metadata.name.split('.', 1)[0] ?? ''));
  } catch (error) {
    if (isHttpStatus(error, 404)) return new Set();
    throw error;
  }
}
