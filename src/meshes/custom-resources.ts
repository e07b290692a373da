import type { Json } from '../base/json.ts';
import { isHttpStatus } from '../kube/kube-api-error.ts';
import { selects } from '../kube/selector.ts';
import { servicePorts, type ServicePort } from '../kube/service-ports.ts';
import type { KubeClient, KubeObject } from '../kube/types.ts';

/** What a Service says, for policies that are custom resources. */
export interface ServiceFacts {
  selector: Readonly<Record<string, string>>;
  /** Its pods' service account: what it is called in the mesh. */
  account: string;
  ports: readonly ServicePort[];
}

/**
 * Puts fields of an object back whole: what an earlier policy said and this one does not, goes. Server-side apply would keep what
 * somebody else had put there.
 *
 * @returns false where there is no such object
 */
export async function replaced(
  kube: KubeClient,
  path: string,
  fields: Readonly<Record<string, Json>>,
): Promise<boolean> {
  try {
    // `add` on a field that is there replaces it.
    const operations = Object.entries(fields).map(([name, value]) => ({ op: 'add', path: name, value }));
    await kube.patch(path, operations, 'json');
    return true;
  } catch (error) {
    if (isHttpStatus(error, 404)) return false;
    throw error;
  }
}

/** Of each Service of the namespace. */
export async function readServiceFacts(kube: KubeClient, namespace: string): Promise<Map<string, ServiceFacts>> {
  const [services, pods] = await Promise.all([
    kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/services`),
    kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/pods`),
  ]);
  return new Map(
    services.map((service) => {
      const { metadata, spec } = service;
      const selector = (spec.selector ?? {}) as Record<string, string>;
      const pod = pods.find((each) => selects(selector, each.metadata.labels ?? {}));
      const account = (pod?.spec.serviceAccountName as string | undefined) ?? metadata.name;
      return [metadata.name, { selector, account, ports: servicePorts(service) }] as const;
    }),
  );
}

/** What no Service says (the load client has none) follows meshproof's own manners. */
export function factsOr(facts: ServiceFacts | undefined, service: string): ServiceFacts {
  return facts ?? { selector: { app: service }, account: service, ports: [] };
}
