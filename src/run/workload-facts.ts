import type { KubeObject } from '../kube/types.ts';
import type { Lab } from '../lab/lab.ts';

/** Image digests the node reports for each service's own container, by service; all of them where replicas differ. */
export async function imageDigests({ kube }: Lab, namespace: string): Promise<Record<string, string>> {
  const found = new Map<string, Set<string>>();
  for (const pod of await kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/pods`)) {
    const service = pod.metadata.labels?.['app'];
    const statuses = (pod['status']?.containerStatuses ?? []) as { name: string; imageID: string }[];
    const status = statuses.find(({ name }) => name === service);
    if (service === undefined || status === undefined) continue;
    found.set(service, (found.get(service) ?? new Set()).add(status.imageID));
  }
  return Object.fromEntries([...found].map(([service, digests]) => [service, [...digests].sort().join(', ')]));
}

/** Names of the pods that carry the mesh's sidecar. */
export async function podsWithSidecar({ kube, mesh }: Lab, namespace: string): Promise<string[]> {
  const pods = await kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/pods`);
  const containers = (pod: KubeObject): string[] =>
    [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name }: { name: string }) => name);
  return pods.filter((pod) => containers(pod).includes(mesh.sidecarContainer)).map(({ metadata }) => metadata.name);
}
