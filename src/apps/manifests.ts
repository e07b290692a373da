import { randomBytes } from 'node:crypto';
import type { ImageMap } from '../images/image.ts';
import { familiarName } from '../images/oci-layout.ts';
import type { KubeObject } from '../kube/types.ts';
import type { ManifestOptions } from './app.ts';
import type { AppFile } from './schema.ts';
import { isWorkload } from './service-facts.ts';

/** Label that lets faults into a namespace. Only namespaces that meshproof makes get it; others are their owners' to label. */
export const chaosLabel = { 'meshproof.dev/chaos': 'allowed' };

type Secrets = NonNullable<AppFile['deploy']>['secrets'];

/** What must be there before what; anything else stands between Services and workloads. */
const order = [
  'Namespace',
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'PersistentVolumeClaim',
  'Role',
  'RoleBinding',
  'Service',
];

/**
 * An app's manifests for one namespace: moved there, with the images of this lab and new secrets, in the order in which
 * they are to be applied. The manifests given are left alone.
 *
 * @param from the namespace that the manifests were written for
 */
export function prepareManifests(
  manifests: readonly KubeObject[],
  { from, secrets }: { from: string; secrets: Secrets },
  { namespace, replicas, images = {} }: ManifestOptions,
): KubeObject[] {
  const names = manifests.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name);
  const own = manifests.find(({ kind }) => kind === 'Namespace');
  const moved = manifests
    .filter(({ kind }) => kind !== 'Namespace')
    .map((original) => {
      const object = (
        from === namespace ? structuredClone(original) : moveHosts(original, names, from, namespace)
      ) as KubeObject;
      object.metadata.namespace = namespace;
      for (const subject of (object['subjects'] ?? []) as { namespace?: string }[])
        if (subject.namespace === from) subject.namespace = namespace;
      if (isWorkload(object)) fit(object, replicas);
      for (const container of containersOf(object)) useImage(container, images);
      return object;
    });
  const place = ({ kind }: KubeObject): number =>
    isWorkload({ kind } as KubeObject) || kind === 'Pod' || kind === 'Job'
      ? order.length + 1
      : order.includes(kind)
        ? order.indexOf(kind)
        : order.length;
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { ...own?.metadata.labels, ...chaosLabel } },
    },
    ...[...secrets.map((secret) => randomSecret(secret, namespace)), ...moved].sort((a, b) => place(a) - place(b)),
  ];
}

/** How many replicas at most: a database that has one keeps it. */
function fit(workload: KubeObject, replicas: number | undefined): void {
  if (replicas === undefined || workload.kind === 'DaemonSet') return;
  workload.spec.replicas = Math.min((workload.spec.replicas as number | undefined) ?? 1, replicas);
}

interface Container {
  image: string;
  imagePullPolicy?: string;
}

/** An image that is brought to the cluster has another name there, and nobody could pull that. */
function useImage(container: Container, images: ImageMap): void {
  const built = images[container.image] ?? images[familiarName(container.image)];
  if (built === undefined) return;
  container.image = built.ref;
  container.imagePullPolicy = 'IfNotPresent';
}

/** Containers of whatever has a pod in it. */
function containersOf(object: KubeObject): Container[] {
  const template =
    object.spec?.jobTemplate?.spec?.template ?? object.spec?.template ?? (object.kind === 'Pod' ? object : undefined);
  const spec = template?.spec as { containers?: Container[]; initContainers?: Container[] } | undefined;
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
}

/** Host names that carry the namespace, `cart.shop` or `cart.shop.svc.cluster.local`, wherever a text has them. */
function moveHosts(value: unknown, services: readonly string[], from: string, to: string): unknown {
  if (services.length === 0) return structuredClone(value);
  const host = new RegExp(`(?<![\\w.-])(${services.join('|')})\\.${from}(?=$|[.:/?\\s"',;])`, 'g');
  const visit = (each: unknown): unknown => {
    if (typeof each === 'string') return each.replaceAll(host, `$1.${to}`);
    if (Array.isArray(each)) return each.map(visit);
    if (typeof each === 'object' && each !== null)
      return Object.fromEntries(Object.entries(each).map(([key, child]) => [key, visit(child)]));
    return each;
  };
  return visit(value);
}

function randomSecret({ name, keys }: Secrets[number], namespace: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    type: 'Opaque',
    stringData: Object.fromEntries(keys.map((key) => [key, randomBytes(18).toString('base64url')])),
  };
}
