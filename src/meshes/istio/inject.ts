import { MeshproofError } from '../../base/errors.ts';
import type { KubeObject } from '../../kube/types.ts';
import { defaultRevision, labels } from './names.ts';

/** What a sidecar asks of a node: Istio's own defaults (100m, 128Mi) keep a dozen pods from fitting on two cores. */
const requests = { 'sidecar.istio.io/proxyCPU': '10m', 'sidecar.istio.io/proxyMemory': '64Mi' };

/**
 * Plain manifests in, such as the injector puts sidecars into out; the input is left alone. The namespace is labelled, and each
 * workload gets a service account of its service's name where it has none: two services with one account are one identity.
 *
 * @throws MeshproofError MESHPROOF_APP_INVALID for a namespace whose labels keep the injector away
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

/** With the label that the injector looks for, unless it names the injector's revision already. */
function labelled(namespace: KubeObject): KubeObject {
  const { metadata } = namespace;
  const own = metadata.labels ?? {};
  refuseContradiction(metadata.name, own[labels.injection], own[labels.revision]);
  if (own[labels.revision] !== undefined) return namespace;
  return { ...namespace, metadata: { ...metadata, labels: { ...own, [labels.injection]: 'enabled' } } };
}

/** Labels with which the injector would leave every pod of the namespace outside, and say nothing. */
function refuseContradiction(namespace: string, injection: string | undefined, revision: string | undefined): void {
  const refused = (what: string, hint: string): MeshproofError =>
    new MeshproofError('MESHPROOF_APP_INVALID', `Namespace ${namespace} ${what}`, hint);
  if (injection !== undefined && revision !== undefined) {
    throw refused(
      `has ${labels.injection}=${injection} and ${labels.revision}=${revision}: Istio goes by the first and ignores the revision`,
      'Leave one of the two labels out of the manifest.',
    );
  }
  if (injection !== undefined && injection !== 'enabled') {
    throw refused(
      `has ${labels.injection}=${injection}: its pods would stay outside of the mesh`,
      `Leave the label out of the manifest; single pods stay outside with ${labels.inject}: "false".`,
    );
  }
  if (revision !== undefined && revision !== defaultRevision) {
    throw refused(
      `asks for the injector of revision ${revision}, and the lab's Istio is ${defaultRevision}`,
      `Leave ${labels.revision} out of the manifest.`,
    );
  }
}
