import type { ResourceRight, Right } from '../kube/rights.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';

type Asked = Omit<ResourceRight, 'verb'> & { verbs: ResourceRight['verb'][] };

const spread = (asked: readonly Asked[]): ResourceRight[] =>
  asked.flatMap(({ verbs, ...right }) => verbs.map((verb) => ({ verb, ...right })));

/** Without these nothing can be said of a namespace. */
export function neededRights(namespace: string): Right[] {
  const here = (resource: string, verbs: Asked['verbs'], why: string): Asked => ({ verbs, resource, namespace, why });
  return spread([
    here('namespaces', ['get'], 'whether it is there'),
    here('pods', ['get', 'list'], 'which pods run, and which of them have a sidecar'),
    here('services', ['list'], 'which pods are called by others'),
    here(
      'pods/portforward',
      ['get', 'create'],
      'proxies tell their configuration, counters and certificates on the loopback of their pod only. It reaches every port of these pods; meshproof only sends GET to the proxy',
    ),
  ]);
}

/** What belongs to the health of a namespace and of its cluster; without one of these that part is inconclusive. */
export function healthRights(namespace: string, control: string): Right[] {
  const system = 'kube-system';
  const list = (where: string, resource: string, why: string, group?: string): Asked => ({
    ...{ verbs: ['list'], resource, group, namespace: where, why },
  });
  const workloads = ['deployments', 'statefulsets', 'daemonsets'];
  return [
    ...spread([
      ...[...new Set([namespace, control, system])].flatMap((where): Asked[] => [
        ...(where === namespace
          ? []
          : [
              { verbs: ['get'] as ['get'], resource: 'namespaces', namespace: where, why: 'whether it is there' },
              list(where, 'pods', 'whether they run, restart, or crash'),
            ]),
        ...workloads.map((kind) => list(where, kind, 'whether they have the replicas that they want', 'apps')),
        list(where, 'events', 'warnings that are still true'),
      ]),
      ...(namespace === 'default' ? [] : [list('default', 'events', 'warnings about nodes stand there')]),
      list(system, 'services', 'where the DNS of the cluster is'),
      list(system, 'endpointslices', 'whether it has a ready server', 'discovery.k8s.io'),
      {
        ...{ verbs: ['get'], resource: 'configmaps', namespace: system, name: 'kube-root-ca.crt' },
        why: 'when the certificate authority of the cluster expires',
      },
      list('kube-node-lease', 'leases', 'when each kubelet was last heard', 'coordination.k8s.io'),
      { verbs: ['list'], resource: 'nodes', why: 'whether they are ready and without pressure' },
    ]),
    ...['/livez', '/readyz'].map((url): Right => ({ verb: 'get', url, why: 'whether the API server is well' })),
  ];
}

/** All that `verify` asks for. @param where the mesh's control plane is; default: where it usually is */
export function verifyRights(
  namespace: string,
  { guestRights, namespaces: [usual = ''] }: Pick<MeshEntry, 'guestRights' | 'namespaces'>,
  { control = usual, revision }: { control?: string | undefined; revision?: string | undefined } = {},
): Right[] {
  const ofMesh = guestRights?.({ control, revision }) ?? [];
  return [...neededRights(namespace), ...healthRights(namespace, control), ...ofMesh];
}
