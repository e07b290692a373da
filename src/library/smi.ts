import { factsOf } from '../apps/service-facts.ts';
import { servicePorts } from '../kube/service-ports.ts';
import type { KubeObject } from '../kube/types.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import type { Policy } from '../policies/index.ts';
import { explain } from '../smi/explain.ts';
import { readSmi } from '../smi/read.ts';
import { successorOf, type SmiWorld } from '../smi/successor.ts';

/** An SMI object: what it says, and what stands for it on a mesh. */
export interface SmiRow {
  /** `TrafficSplit/web` */
  id: string;
  apiVersion: string;
  says: string;
  policies: readonly Policy[];
  /** The mesh’s own resources; empty where nothing is needed, or nothing can be said. */
  yaml: string;
  notes: string[];
}

/**
 * Pure: the SMI objects of a namespace, each with what succeeds it on a mesh.
 *
 * @param objects of SMI, of any version; others are passed over
 * @param around Services and workloads of the namespace: they say who has which service account
 */
export function smiRows(
  objects: readonly KubeObject[],
  around: readonly KubeObject[],
  mesh: Pick<MeshEntry, 'title' | 'smi'>,
  namespace: string,
): SmiRow[] {
  const all = objects.flatMap((object) => readSmi(object) ?? []);
  const world = worldOf(around, namespace);
  return all.map((object) => {
    const base = { id: `${object.kind}/${object.name}`, apiVersion: object.apiVersion, says: explain(object) };
    if (mesh.smi === undefined)
      return { ...base, policies: [], yaml: '', notes: [`nobody knows yet what succeeds it on ${mesh.title}`] };
    return { ...base, ...successorOf(object, all, mesh.smi, world) };
  });
}

function worldOf(around: readonly KubeObject[], namespace: string): SmiWorld {
  const services = around.filter(({ kind }) => kind === 'Service');
  const names = services.map(({ metadata }) => metadata.name);
  const facts = new Map(names.map((name) => [name, factsOf(name, around)]));
  return {
    namespace,
    servicesOf: (account) =>
      account.namespace === namespace ? names.filter((name) => facts.get(name)?.account === account.name).sort() : [],
    selectorOf: (service) => facts.get(service)?.selector ?? { app: service },
    accountOf: (service) => facts.get(service)?.account ?? 'default',
    portsOf(service) {
      const found = services.find(({ metadata }) => metadata.name === service);
      return found === undefined ? [] : servicePorts(found);
    },
  };
}
