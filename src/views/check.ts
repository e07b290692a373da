import { systemClock, type Clock } from '../base/clock.ts';
import { readyPods } from '../kube/pods.ts';
import type { AttachedLab } from '../lab/attach-lab.ts';
import { probeLabels } from '../lab/client.ts';
import { healthScope } from '../lab/lab-health.ts';
import type { HealthCheck } from '../observe/health/health.ts';
import { takeHealth } from '../observe/health/take-health.ts';
import { askProxies } from './ask-proxies.ts';
import { dataPlaneChecks } from './data-plane.ts';
import { seePods } from './seen-pods.ts';

/** A mesh renews certificates long before their end: one that lives shorter than this was forgotten. */
const minCertificateLeftMs = 600_000;

/**
 * The health checks that a run makes, of a lab as it is; restarts are counted only, as nothing tells since when they matter.
 *
 * @throws MeshproofError MESHPROOF_USAGE when no pod of the namespace is in the mesh
 */
export async function checkLab(lab: AttachedLab, signal: AbortSignal): Promise<HealthCheck[]> {
  const { kube, mesh, namespace } = lab;
  await seePods(kube, mesh, namespace);
  const [services, [probe]] = await Promise.all([
    kube.list(`/api/v1/namespaces/${namespace}/services`),
    readyPods(kube, namespace, probeLabels),
  ]);
  const names = services.map(({ metadata }) => ({ name: metadata.name }));
  const { checks } = await takeHealth({
    ...(await healthScope(lab, { namespace, services: names, probe })),
    probeImage: lab.images['fault-point']?.ref,
    minCertificateLeftMs,
    diskPaths: [lab.cluster.stateDir],
    signal,
  });
  return checks;
}

/** One check for each pod of the namespace that is in the mesh, or should be. @throws as checkLab */
export async function checkDataPlane(
  { kube, mesh, namespace }: Pick<AttachedLab, 'kube' | 'mesh' | 'namespace'>,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<HealthCheck[]> {
  const pods = await seePods(kube, mesh, namespace);
  const [problems, { answers }] = await Promise.all([
    mesh.sidecarProblems([namespace]),
    askProxies(pods, (pod) => mesh.certificates(pod), signal),
  ]);
  const certificates = new Map(answers.map(({ pod, value }) => [pod.ref.uid, value]));
  return dataPlaneChecks({ pods, problems, certificates, now: clock.now(), minLeftMs: minCertificateLeftMs });
}
