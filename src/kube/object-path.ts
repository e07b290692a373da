/** Kinds of Kubernetes itself that have no namespace; a custom kind without metadata.namespace is taken as one of them. */
const clusterScoped = new Set([
  'APIService',
  'CSIDriver',
  'CSINode',
  'CertificateSigningRequest',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'FlowSchema',
  'IngressClass',
  'MutatingWebhookConfiguration',
  'Namespace',
  'Node',
  'PersistentVolume',
  'PriorityClass',
  'PriorityLevelConfiguration',
  'RuntimeClass',
  'StorageClass',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration',
  'VolumeAttachment',
]);

/** API groups of Kubernetes itself: `apps`, `batch`, … and those that end in `.k8s.io` but are served by the API server. */
const coreGroups = /^(apps|autoscaling|batch|policy|[a-z.]+\.k8s\.io)$/;

/**
 * The API path of an object, e.g. `/apis/apps/v1/namespaces/default/deployments/trips`. A namespaced kind of
 * Kubernetes itself without a namespace goes to `default`, as kubectl does it.
 */
export function pathOf(object: {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}): string {
  return `${collectionPathOf(object)}/${object.metadata.name}`;
}

/** Where objects of this kind are created and listed. */
export function collectionPathOf(object: {
  apiVersion: string;
  kind: string;
  metadata: { namespace?: string };
}): string {
  const { apiVersion, kind } = object;
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const root = group === '' ? `/api/${apiVersion}` : `/apis/${apiVersion}`;
  const known = group === '' || (coreGroups.test(group) && !group.startsWith('gateway.'));
  const namespace = clusterScoped.has(kind)
    ? undefined
    : (object.metadata.namespace ?? (known ? 'default' : undefined));
  const resource = pluralOf(kind);
  return namespace === undefined ? `${root}/${resource}` : `${root}/namespaces/${namespace}/${resource}`;
}

/** The resource name of a kind, by the rule every built-in kind and the meshes' kinds follow. */
export function pluralOf(kind: string): string {
  const word = kind.toLowerCase();
  if (word.endsWith('ss') || word.endsWith('x') || word.endsWith('ch')) return `${word}es`;
  if (word.endsWith('s')) return word;
  if (/[^aeiou]y$/.test(word)) return `${word.slice(0, -1)}ies`;
  return `${word}s`;
}
