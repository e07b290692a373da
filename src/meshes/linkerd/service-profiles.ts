import { isHttpStatus } from '../../kube/kube-api-error.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import { serviceOf } from './names.ts';
import type { ToldRoute } from './service-profile/profile-answer.ts';
import { profileBefore } from './service-profile/profile-resource.ts';
import { policyAnnotations } from './service-annotations.ts';

/** The ServiceProfile of a service of the namespace, as it is in the cluster. */
export interface FoundProfile {
  service: string;
  /** There was none before meshproof made it. */
  own: boolean;
  routes: RouteOutline[];
}

/** By which one sees that a proxy is told what a ServiceProfile says. */
interface RouteOutline {
  name: string;
  retryable: boolean;
  ends: boolean;
}

export async function serviceProfiles(kube: KubeClient, namespace: string): Promise<FoundProfile[]> {
  try {
    const profiles = await kube.list<KubeObject>(`/apis/linkerd.io/v1alpha2/namespaces/${namespace}/serviceprofiles`);
    return profiles.flatMap(({ metadata, spec }) => {
      const service = serviceOf(metadata.name, namespace);
      const routes = ((spec?.routes ?? []) as { name: string; isRetryable?: boolean; timeout?: string }[]).map(
        ({ name, isRetryable = false, timeout }): RouteOutline => ({
          name,
          retryable: isRetryable,
          ends: timeout !== undefined,
        }),
      );
      return service === undefined ? [] : [{ service, own: metadata.annotations?.[profileBefore] === 'null', routes }];
    });
  } catch (error) {
    if (isHttpStatus(error, 404)) return [];
    throw error;
  }
}

export function outlineOf(told: readonly ToldRoute[]): RouteOutline[] {
  return told.map(({ name, retryable, timeoutMs }) => ({ name, retryable, ends: timeoutMs > 0 }));
}

export interface ProfileInVain extends FoundProfile {
  /** Of its Service, on retries, timeouts and accrual: callers do not go by them. */
  annotations: string[];
}

export async function saidInVain(kube: KubeClient, namespace: string): Promise<ProfileInVain[]> {
  const [profiles, services] = await Promise.all([
    serviceProfiles(kube, namespace),
    kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/services`),
  ]);
  return profiles.map((profile) => {
    const service = services.find(({ metadata }) => metadata.name === profile.service);
    const said = Object.keys(policyAnnotations(service?.metadata.annotations));
    return { ...profile, annotations: said.filter((name) => name.includes('linkerd.io/')).sort() };
  });
}
