import { pollUntil } from '../base/poll.ts';
import { brokenWorkload } from '../observe/health/broken-workload.ts';
import type { PodRef } from '../kube/types.ts';
import type { HealthOptions } from '../observe/health/check.ts';
import type { HealthResult } from '../observe/health/health.ts';
import { takeHealth } from '../observe/health/take-health.ts';
import { probePod } from './app-pods.ts';
import { probeContainer } from './client.ts';
import type { Lab } from './lab.ts';
import type { Surroundings } from './surroundings.ts';

/** Where the workload that is broken on purpose runs: outside what health is judged of. */
const brokenNamespace = 'meshproof-broken';

type InLab = Surroundings & { lab: Lab };

/** Health of the whole lab; restarts and events are judged since an earlier look, if there was one. */
export async function labHealth({ lab, evidence, signal }: InLab, since?: HealthResult): Promise<HealthResult> {
  const { namespace, app } = lab.app;
  return takeHealth({
    ...(await healthScope(lab, { namespace, services: app.services, probe: await probePod(lab.kube, namespace) })),
    ...(lab.images['fault-point'] !== undefined && { probeImage: lab.images['fault-point'].ref }),
    ...(since !== undefined && { since }),
    expected: { restarts: lab.restartsOnPurpose },
    diskPaths: [evidence.runDir],
    signal,
  });
}

/** What belongs to the health of a lab: the cluster's own workloads, the mesh, and one namespace in it. */
export async function healthScope(
  { kube, mesh, meshEntry }: Pick<Lab, 'kube' | 'mesh' | 'meshEntry'>,
  inside: { namespace: string; services: readonly { name: string }[]; probe: Pick<PodRef, 'name'> | undefined },
): Promise<HealthOptions> {
  const { namespace, services, probe } = inside;
  // One that was there may be anywhere; where it has gone since, its checks say so.
  const there = await mesh.installation?.().catch(() => undefined);
  return {
    kube,
    mesh,
    namespaces: ['kube-system', ...(there === undefined ? meshEntry.namespaces : [there.namespace]), namespace],
    meshedNamespaces: [namespace],
    ...(probe !== undefined && {
      dnsProbe: {
        namespace,
        pod: probe.name,
        container: probeContainer,
        names: [
          ...services.slice(0, 1).map(({ name }) => `${name}.${namespace}.svc.cluster.local`),
          'kubernetes.default.svc.cluster.local',
        ],
      },
    }),
  };
}

/** A crashing workload and one that cannot start, in a namespace of their own, for the control of the health checks. */
export async function plantBrokenWorkload({ lab, rollback }: InLab): Promise<void> {
  await rollback.record({
    what: `namespace ${brokenNamespace}`,
    injector: 'api',
    args: { delete: `/api/v1/namespaces/${brokenNamespace}` },
  });
  await lab.kube.apply(brokenWorkload(brokenNamespace, lab.images['fault-point']?.ref ?? ''));
}

/** Health of that namespace, once its workload has really crashed: not being ready yet is no sickness. */
export async function healthOfBrokenWorkload({ lab, signal }: InLab): Promise<HealthResult> {
  return pollUntil<HealthResult>(
    async () => {
      const seen = await takeHealth({ kube: lab.kube, namespaces: [brokenNamespace], signal });
      const crash = seen.checks.find(({ id }) => id === 'workloads/crash-loops');
      return crash?.status === 'fail'
        ? { ready: seen }
        : { pending: `crash loops: ${crash?.observed ?? 'not checked'}` };
    },
    { what: 'health of the broken workload', timeoutMs: 60_000, intervalMs: 500, signal },
  );
}
