import type { KubeObject } from '../../kube/types.ts';
import { labels } from './names.ts';

/** What a sidecar asks of a node: Istio's own defaults (100m, 128Mi) keep a dozen pods from fitting on two cores. */
const requests = { 'sidecar.istio.io/proxyCPU': '10m', 'sidecar.istio.io/proxyMemory': '64Mi' };

/**
 * Plain manifests in, such as the injector puts sidecars into out; the input is left alone. The namespace is labelled, and each
 * workload gets a service account of its service's name where it has none: two services with one account are one identity.
 */
export function injectable(objects: readonly KubeObject[], { namespace }: { namespace: string }): KubeObject[] {
  const accounts = new Set<string>();
  const meshed = objects.map((original) => {
    if (original.kind === 'Namespace' && original.metadata.name === namespace) return labelled(original);
    if ((original.metadata.namespace ?? namespace) !== namespace) return original;
    const object = structuredClone(original);
    const pod = object.kind === 'Pod' ? object : object.spec?.template;
    if (pod?.spec?.containers === undefined || pod.metadata?.labels?.[labels.inject] === 'false') return original;
    const { labels: marks = {}, annotations } = pod.metadata ?? {};
    pod.metadata = { ...pod.metadata, annotations: { ...requests, ...annotations } };
    const service: string | undefined = marks['app.kubernetes.io/name'] ?? marks.app;
    if (pod.spec.serviceAccountName === undefined && service !== undefined) {
      pod.spec.serviceAccountName = service;
      accounts.add(service);
    }
    return object;
  });
  const declared = new Set(
    objects.filter(({ kind }) => kind === 'ServiceAccount').map(({ metadata }) => metadata.name),
  );
  const added = [...accounts]
    .filter((name) => !declared.has(name))
    .map((name) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }));
  const namespaces = meshed.filter(({ kind }) => kind === 'Namespace');
  return [...namespaces, ...added, ...meshed.filter(({ kind }) => kind !== 'Namespace')];
}

/** With the label that the injector looks for; one that says something else already is the user's. */
function labelled(namespace: KubeObject): KubeObject {
  const { metadata } = namespace;
  return { ...namespace, metadata: { ...metadata, labels: { [labels.injection]: 'enabled', ...metadata.labels } } };
}
