import { factsOf } from '../apps/service-facts.ts';
import { suggest } from '../base/yaml-file.ts';
import { MeshproofError } from '../base/errors.ts';
import type { KubeObject } from '../kube/types.ts';
import type { MeshAdapter } from '../meshes/adapter.ts';
import { askProxies } from './ask-proxies.ts';
import type { SeenPod } from './seen-pods.ts';

export interface TapTarget {
  pod: SeenPod;
  /** On which its app listens. */
  port: number;
}

/**
 * Pure: pods in the mesh behind Services that speak HTTP, or do not say what they speak.
 *
 * @param objects Services and workloads of the namespace
 * @param service only its pods
 * @throws MeshproofError MESHPROOF_USAGE when there are none
 */
export function tapTargets(
  pods: readonly SeenPod[],
  objects: readonly KubeObject[],
  service: string | undefined,
): TapTarget[] {
  const names = objects.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name);
  const ports = new Map<string, number>();
  const others: string[] = [];
  for (const name of names) {
    const { containerPort, protocol = 'http' } = factsOf(name, objects) ?? { containerPort: 0, protocol: 'tcp' };
    if (protocol === 'http') ports.set(name, containerPort);
    else others.push(name);
  }
  const targets = pods.flatMap((pod): TapTarget[] => {
    const port = ports.get(pod.service);
    return port === undefined || !pod.meshed || (service ?? pod.service) !== pod.service ? [] : [{ pod, port }];
  });
  if (targets.length > 0) return targets;
  const known = [...ports.keys()].sort();
  throw new MeshproofError(
    'MESHPROOF_USAGE',
    service === undefined
      ? 'No Service here speaks HTTP and has pods in the mesh'
      : others.includes(service)
        ? `The service ${service} speaks no HTTP/1: there are no single requests to be seen`
        : known.includes(service)
          ? `No pod of the service ${service} is in the mesh`
          : `There is no service ${service}${suggest(service, known)}`,
    `Services that speak HTTP: ${known.join(', ') || 'none'}; \`stat\` and \`edges\` show the connections of the others.`,
  );
}

/** Who a caller is, by the identity in its certificate; services that share one are named together. */
export async function servicesByIdentity(
  pods: readonly SeenPod[],
  mesh: Pick<MeshAdapter, 'certificates'>,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const { answers } = await askProxies(pods, (pod) => mesh.certificates(pod), signal);
  const services = new Map<string, Set<string>>();
  for (const { pod, value } of answers) {
    for (const { identity } of value.filter((certificate) => certificate.identity !== ''))
      services.set(identity, (services.get(identity) ?? new Set()).add(pod.service));
  }
  return new Map([...services].map(([identity, names]) => [identity, [...names].sort().join(' or ')]));
}
