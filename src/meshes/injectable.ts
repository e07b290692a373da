import type { KubeObject, ObjectMeta } from '../kube/types.ts';

type PodMeta = Pick<ObjectMeta, 'labels' | 'annotations'>;

/** How a mesh's webhook is told which pods get a sidecar. */
export interface InjectionMarks {
  /** Of a pod that asks to stay outside. */
  staysOutside(pod: PodMeta): boolean;
  /** Labels and annotations for a pod; what it says itself is kept. */
  pod: PodMeta;
  /** What a pod says itself and cannot be kept as it is. */
  adjust?(pod: PodMeta): PodMeta;
  /** The same for the namespace. @throws MeshproofError MESHPROOF_APP_INVALID where its own labels keep the injector away */
  namespace?(metadata: ObjectMeta): PodMeta;
}

/**
 * Plain manifests in, such as an injector puts sidecars into out; the input is left alone. Pods, and the namespace, are marked, and
 * each workload gets a service account of its service's name where it has none: two services with one account are one identity.
 */
export function injectable(
  objects: readonly KubeObject[],
  { namespace, marks }: { namespace: string; marks: InjectionMarks },
): KubeObject[] {
  const accounts = new Set<string>();
  const meshed = objects.map((original) => {
    if (original.kind === 'Namespace' && original.metadata.name === namespace)
      return { ...original, metadata: marked(original.metadata, marks.namespace?.(original.metadata)) };
    if ((original.metadata.namespace ?? namespace) !== namespace) return original;
    const object = structuredClone(original);
    const pod = object.kind === 'Pod' ? object : object.spec?.template;
    if (pod?.spec?.containers === undefined || marks.staysOutside(pod.metadata ?? {})) return original;
    const metadata = marked<PodMeta>(pod.metadata ?? {}, marks.pod);
    pod.metadata = marks.adjust?.(metadata) ?? metadata;
    const { labels = {} } = pod.metadata as PodMeta;
    const service = labels['app.kubernetes.io/name'] ?? labels['app'];
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

/** What is said already is the user's. */
function marked<Meta extends PodMeta>(metadata: Meta, { labels, annotations }: PodMeta = {}): Meta {
  return {
    ...metadata,
    ...(labels && { labels: { ...labels, ...metadata.labels } }),
    ...(annotations && { annotations: { ...annotations, ...metadata.annotations } }),
  };
}
