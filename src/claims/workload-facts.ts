import type { RunningApp } from '../apps/app.ts';
import { selects } from '../kube/selector.ts';
import type { KubeClient, KubeObject } from '../kube/types.ts';
import type { Lab } from '../lab/lab.ts';

/** Image digests the node reports for each service's own container, by service; all of them where replicas differ. */
export async function imageDigests(kube: KubeClient, { app, namespace }: RunningApp): Promise<Record<string, string>> {
  const pods = await kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/pods`);
  const found = app.services.map(({ name, selector, container }) => {
    const digests = pods
      .filter(({ metadata }) => selects(selector, metadata.labels ?? {}))
      .flatMap((pod) => (pod['status']?.containerStatuses ?? []) as { name: string; imageID: string }[])
      .filter((status) => status.name === container)
      .map(({ imageID }) => imageID);
    return [name, [...new Set(digests)].sort().join(', ')] as const;
  });
  return Object.fromEntries(found.filter(([, digests]) => digests !== ''));
}

/** Names of the pods that carry the mesh's sidecar. */
export async function podsWithSidecar({ kube, mesh }: Lab, { namespace }: RunningApp): Promise<string[]> {
  const pods = await kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/pods`);
  const containers = (pod: KubeObject): string[] =>
    [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name }: { name: string }) => name);
  return pods.filter((pod) => containers(pod).includes(mesh.sidecarContainer)).map(({ metadata }) => metadata.name);
}
