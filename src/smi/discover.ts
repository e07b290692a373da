import type { KubeClient, KubeObject } from '../kube/types.ts';
import { smiGroups } from './read.ts';

interface ApiGroups {
  groups?: { name: string; preferredVersion: { groupVersion: string } }[];
}
interface ApiResources {
  resources?: { name: string; kind: string; namespaced: boolean; verbs: string[] }[];
}

/**
 * Every SMI object of a namespace, as the API server prefers to give it out: it converts between the versions that it
 * knows. A cluster without SMI has none, and is no error.
 *
 * @throws MeshproofError MESHPROOF_KUBE_API
 */
export async function smiObjects(kube: KubeClient, namespace: string): Promise<KubeObject[]> {
  const { groups = [] } = await kube.get<ApiGroups>('/apis');
  const served = groups.filter(({ name }) => smiGroups.includes(name));
  const lists = served.map(async ({ preferredVersion: { groupVersion } }) => {
    const { resources = [] } = await kube.get<ApiResources>(`/apis/${groupVersion}`);
    const kinds = resources.filter(
      ({ name, namespaced, verbs }) => namespaced && !name.includes('/') && verbs.includes('list'),
    );
    const found = kinds.map(async ({ name, kind }) =>
      // Items of a list do not say what they are.
      (await kube.list<KubeObject>(`/apis/${groupVersion}/namespaces/${namespace}/${name}`)).map((object) => ({
        ...object,
        apiVersion: groupVersion,
        kind,
      })),
    );
    return (await Promise.all(found)).flat();
  });
  return (await Promise.all(lists)).flat();
}
