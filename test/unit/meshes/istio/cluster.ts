import type { KubeObject } from '../../../../src/kube/types.ts';

/** Objects of Istio as its charts and istioctl make them (Istio 1.24 to 1.31), reduced to what tells one installation from another. */

interface Who {
  /** Field manager that applied it. */
  by?: string;
  namespace?: string;
}

const managed = (by: string): object => ({ managedFields: [{ manager: by }, { manager: 'kube-controller-manager' }] });

export function istiod(revision: string, { by = 'istio-operator', namespace = 'istio-system' }: Who = {}): KubeObject {
  const name = revision === 'default' ? 'istiod' : `istiod-${revision}`;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels: { app: 'istiod', 'istio.io/rev': revision }, ...managed(by) },
    status: { readyReplicas: 1 },
  };
}

const revisionWebhooks = (name: string): object[] => [
  {
    name: 'rev.namespace.sidecar-injector.istio.io',
    namespaceSelector: {
      matchExpressions: [
        { key: 'istio.io/rev', operator: 'In', values: [name] },
        { key: 'istio-injection', operator: 'DoesNotExist' },
      ],
    },
    objectSelector: { matchExpressions: [{ key: 'sidecar.istio.io/inject', operator: 'NotIn', values: ['false'] }] },
  },
  {
    name: 'rev.object.sidecar-injector.istio.io',
    namespaceSelector: {
      matchExpressions: [
        { key: 'istio.io/rev', operator: 'DoesNotExist' },
        { key: 'istio-injection', operator: 'DoesNotExist' },
      ],
    },
    objectSelector: {
      matchExpressions: [
        { key: 'sidecar.istio.io/inject', operator: 'NotIn', values: ['false'] },
        { key: 'istio.io/rev', operator: 'In', values: [name] },
      ],
    },
  },
];

const defaultWebhooks: object[] = [
  {
    name: 'namespace.sidecar-injector.istio.io',
    namespaceSelector: { matchExpressions: [{ key: 'istio-injection', operator: 'In', values: ['enabled'] }] },
    objectSelector: { matchExpressions: [{ key: 'sidecar.istio.io/inject', operator: 'NotIn', values: ['false'] }] },
  },
  {
    name: 'object.sidecar-injector.istio.io',
    namespaceSelector: {
      matchExpressions: [
        { key: 'istio-injection', operator: 'DoesNotExist' },
        { key: 'istio.io/rev', operator: 'DoesNotExist' },
      ],
    },
    objectSelector: {
      matchExpressions: [
        { key: 'sidecar.istio.io/inject', operator: 'In', values: ['true'] },
        { key: 'istio.io/rev', operator: 'DoesNotExist' },
      ],
    },
  },
];

/** The injector of a revision, or of a tag that stands for it. */
export function injector(
  revision: string,
  { tag, by = 'istio-operator', namespace = 'istio-system' }: Who & { tag?: string } = {},
): KubeObject {
  const answers = tag ?? revision;
  const webhooks = [...revisionWebhooks(answers), ...(answers === 'default' ? defaultWebhooks : [])];
  const suffix = revision === 'default' ? '' : `-${revision}`;
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: {
      name: tag === undefined ? `istio-sidecar-injector${suffix}` : `istio-revision-tag-${tag}`,
      labels: { 'istio.io/rev': revision, ...(tag !== undefined && { 'istio.io/tag': tag }) },
      ...managed(by),
    },
    webhooks: webhooks.map((webhook) => ({
      ...webhook,
      clientConfig: { service: { namespace, name: `istiod${suffix}`, path: '/inject' } },
    })),
  };
}

export function definition(name: string, versions: readonly string[], { by = 'istio-operator' }: Who = {}): KubeObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name, ...managed(by) },
    spec: { versions: versions.map((version) => ({ name: version, served: true })) },
    status: { storedVersions: versions.slice(0, 1) },
  };
}
