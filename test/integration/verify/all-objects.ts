import type { KubeClient, KubeObject } from '../../../src/kube/types.ts';

interface Resources {
  resources: { name: string; kind: string; verbs: string[] }[];
}

/** What changes by itself, or is told of what happened. */
const restless = new Set(['Event', 'Lease', 'ComponentStatus']);
/** Renewed by whoever leads, and written by the API server on the token that it is asked with. */
const renewed = ['control-plane.alpha.kubernetes.io/leader', 'kubernetes.io/legacy-token-last-used'];

/** Every object of a cluster that the API server lists, by kind, namespace and name, as somebody wrote it: without its status. */
export async function allObjects(kube: KubeClient): Promise<Map<string, string>> {
  const { groups } = await kube.get<{ groups: { preferredVersion: { groupVersion: string } }[] }>('/apis');
  const bases = ['/api/v1', ...groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
  const found = new Map<string, string>();
  for (const base of bases) {
    const { resources } = await kube.get<Resources>(base);
    for (const { name, kind, verbs } of resources) {
      if (name.includes('/') || !verbs.includes('list') || restless.has(kind)) continue;
      for (const object of await kube.list<KubeObject>(`${base}/${name}`)) {
        const { labels, annotations } = object.metadata;
        const marks = [...Object.entries(labels ?? {}), ...Object.entries(annotations ?? {})];
        const metadata: Record<string, unknown> = {
          ...object.metadata,
          ...{ labels: undefined, annotations: undefined, managedFields: undefined, resourceVersion: undefined },
          marks: marks.filter(([key]) => !renewed.includes(key)),
        };
        const { name: own, namespace = '' } = object.metadata;
        found.set(`${kind} ${namespace}/${own}`, JSON.stringify({ ...object, status: undefined, metadata }));
      }
    }
  }
  return found;
}

/** What was made, changed or deleted. */
export function differing(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((id) => before.get(id) !== after.get(id)).sort();
}
