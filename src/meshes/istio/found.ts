import { getIfThere } from '../../kube/get-if-there.ts';
import type { LabelSelector } from '../../kube/selector.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import { controlPlane, defaultRevision, labels } from './names.ts';

/** A control plane. */
export interface Istiod {
  namespace: string;
  name: string;
  revision: string;
  ready: boolean;
  /** meshproof installed it. */
  ours: boolean;
}

/** The webhooks that one MutatingWebhookConfiguration tells the API server to ask: of a revision, or of a tag that stands for one. */
export interface Injector {
  name: string;
  revision: string;
  tag?: string | undefined;
  /** Whom it asks. */
  asks: { namespace: string; name: string } | { url: string };
  webhooks: readonly InjectorWebhook[];
  ours: boolean;
}

export interface InjectorWebhook {
  name: string;
  namespaceSelector?: LabelSelector | undefined;
  objectSelector?: LabelSelector | undefined;
}

/** One of Istio's custom resource definitions, with the versions that are served and those that objects are stored in. */
export interface Definition {
  name: string;
  served: readonly string[];
  stored: readonly string[];
  ours: boolean;
}

/** What there is of Istio in a cluster, whoever put it there. */
export interface FoundIstio {
  istiods: readonly Istiod[];
  injectors: readonly Injector[];
  definitions: readonly Definition[];
}

/** Kinds that meshproof writes, or istiod needs of those. */
export const definitionNames = [
  'peerauthentications.security.istio.io',
  'authorizationpolicies.security.istio.io',
  'destinationrules.networking.istio.io',
  'virtualservices.networking.istio.io',
  'envoyfilters.networking.istio.io',
];

/** Looks at a cluster; changes nothing. */
export async function findIstio(kube: KubeClient): Promise<FoundIstio> {
  const [deployments, configurations, definitions] = await Promise.all([
    kube.list('/apis/apps/v1/deployments', `app=${controlPlane}`),
    kube.list('/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', labels.revision),
    Promise.all(
      definitionNames.map((name) =>
        getIfThere(kube, `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`),
      ),
    ),
  ]);
  return readFound(
    deployments,
    configurations,
    definitions.filter((each) => each !== undefined),
  );
}

/** Pure. */
export function readFound(
  deployments: readonly KubeObject[],
  configurations: readonly KubeObject[],
  definitions: readonly KubeObject[],
): FoundIstio {
  return {
    istiods: deployments.map((deployment) => ({
      namespace: deployment.metadata.namespace ?? '',
      name: deployment.metadata.name,
      revision: revisionOf(deployment),
      ready: (deployment.status?.readyReplicas ?? 0) > 0,
      ours: isOurs(deployment),
    })),
    injectors: configurations.flatMap((configuration) => injectorOf(configuration) ?? []),
    definitions: definitions.map((definition) => ({
      name: definition.metadata.name,
      served: (definition.spec.versions as { name: string; served: boolean }[])
        .filter(({ served }) => served)
        .map(({ name }) => name),
      stored: (definition.status?.storedVersions ?? []) as string[],
      ours: isOurs(definition),
    })),
  };
}

interface WebhookJson {
  name: string;
  clientConfig: { service?: { namespace: string; name: string }; url?: string };
  namespaceSelector?: LabelSelector;
  objectSelector?: LabelSelector;
}

function injectorOf(configuration: KubeObject): Injector | undefined {
  const webhooks = (configuration['webhooks'] ?? []) as WebhookJson[];
  const [first] = webhooks;
  if (first === undefined) return undefined;
  const { service, url = '' } = first.clientConfig;
  return {
    name: configuration.metadata.name,
    revision: revisionOf(configuration),
    tag: configuration.metadata.labels?.[labels.tag],
    asks: service === undefined ? { url } : { namespace: service.namespace, name: service.name },
    webhooks: webhooks.map(({ name, namespaceSelector, objectSelector }) => ({
      name,
      namespaceSelector,
      objectSelector,
    })),
    ours: isOurs(configuration),
  };
}

function revisionOf({ metadata }: KubeObject): string {
  return metadata.labels?.[labels.revision] ?? defaultRevision;
}

/** Who applied an object is written on it (server-side apply). */
function isOurs({ metadata }: KubeObject): boolean {
  const { managedFields = [] } = metadata as { managedFields?: { manager?: string }[] };
  return managedFields.some(({ manager }) => manager === 'meshproof');
}

/** Who answers a webhook, for people. */
export function askedBy({ asks }: Pick<Injector, 'asks'>): string {
  return 'url' in asks ? asks.url : `Service ${asks.namespace}/${asks.name}`;
}
