import { parseAllDocuments } from 'yaml';
import { namespaceObjects } from '../../../src/apps/running-app.ts';
import type { KubeClient, KubeObject } from '../../../src/kube/types.ts';
import { smiRows } from '../../../src/library/smi.ts';
import type { MeshEntry } from '../../../src/meshes/define-mesh.ts';
import { smiObjects } from '../../../src/smi/discover.ts';
import { namespace } from './test-mesh.ts';

const kinds = {
  TrafficSplit: { group: 'split.smi-spec.io', version: 'v1alpha2' },
  TrafficTarget: { group: 'access.smi-spec.io', version: 'v1alpha3' },
  HTTPRouteGroup: { group: 'specs.smi-spec.io', version: 'v1alpha4' },
} as const;
type Kind = keyof typeof kinds;

/** With which an API server serves SMI. */
export const definitions: KubeObject[] = Object.entries(kinds).map(([kind, { group, version }]) => {
  const plural = `${kind.toLowerCase()}s`;
  const openAPIV3Schema = {
    type: 'object',
    properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  };
});

export function smiObject(kind: Kind, name: string, spec: object): KubeObject {
  const { group, version } = kinds[kind];
  return { apiVersion: `${group}/${version}`, kind, metadata: { name, namespace }, spec };
}

/** Deletes the objects with their kinds. */
export async function forgetSmi(kube: KubeClient): Promise<void> {
  for (const definition of definitions) await kube.delete(await kube.pathOf(definition));
}

/** The YAML that `meshproof smi` prints for an object of the namespace, read as it does. @param id `TrafficSplit/web` */
export async function successorOf(kube: KubeClient, mesh: MeshEntry, id: string): Promise<string> {
  const [objects, around] = await Promise.all([smiObjects(kube, namespace), namespaceObjects(kube, namespace)]);
  const rows = smiRows(objects, around, mesh, namespace);
  const row = rows.find((each) => each.id === id);
  if (row === undefined) throw new Error(`smi does not see ${id} but ${rows.map((each) => each.id).join(', ')}`);
  return row.yaml;
}

/** How that YAML gets to a mesh, as its users do it. */
export interface Writing {
  write(yaml: string): Promise<void>;
  remove(yaml: string): Promise<void>;
}

/** `kubectl apply -f`, `kubectl delete -f` */
export function asObjects(kube: KubeClient): Writing {
  const objectsOf = (yaml: string) => parseAllDocuments(yaml).map((document) => document.toJS() as KubeObject);
  return {
    write: (yaml) => kube.apply(objectsOf(yaml)),
    async remove(yaml) {
      for (const object of objectsOf(yaml)) await kube.delete(await kube.pathOf(object));
    },
  };
}
