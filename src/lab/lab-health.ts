import { pollUntil } from '../base/poll.ts';
import { brokenWorkload } from '../observe/health/broken-workload.ts';
import type { HealthResult } from '../observe/health/health.ts';
import { takeHealth } from '../observe/health/take-health.ts';
import type { RunContext } from '../run/context.ts';
import { probeContainer } from './probe-pod.ts';

/** Health of the whole lab; restarts and events are judged since an earlier look, if there was one. */
export async function labHealth({ lab, evidence, signal }: RunContext, since?: HealthResult): Promise<HealthResult> {
  const { meshed } = lab.namespaces;
  const probe = await lab.probePod(meshed);
  return takeHealth({
    kube: lab.kube,
    mesh: lab.mesh,
    namespaces: ['kube-system', 'consul', meshed],
    meshedNamespaces: [meshed],
    dnsProbe: {
      namespace: meshed,
      pod: probe.name,
      container: probeContainer,
      names: [`${lab.app.services[0]?.name}.${meshed}.svc.cluster.local`, 'kubernetes.default.svc.cluster.local'],
    },
    ...(lab.images['envoy'] !== undefined && { canary: { image: lab.images['envoy'].ref } }),
    ...(since !== undefined && { since }),
    diskPaths: [evidence.runDir],
    signal,
  });
}

/** A crashing workload and one that cannot start, in a namespace of their own, for the control of the health checks. */
export async function plantBrokenWorkload({ lab, undo }: RunContext): Promise<void> {
  const { broken } = lab.namespaces;
  await undo.register(`namespace ${broken}`, () => lab.kube.delete(`/api/v1/namespaces/${broken}`));
  await lab.kube.apply(brokenWorkload(broken, lab.images['envoy']?.ref ?? ''));
}

/** Health of that namespace, once its workload has really crashed: not being ready yet is no sickness. */
export async function healthOfBrokenWorkload({ lab, signal }: RunContext): Promise<HealthResult> {
  return pollUntil<HealthResult>(
    async () => {
      const seen = await takeHealth({ kube: lab.kube, namespaces: [lab.namespaces.broken], signal });
      const crash = seen.checks.find(({ id }) => id === 'workloads/crash-loops');
      return crash?.status === 'fail'
        ? { ready: seen }
        : { pending: `crash loops: ${crash?.observed ?? 'not checked'}` };
    },
    { what: 'health of the broken workload', timeoutMs: 60_000, intervalMs: 500, signal },
  );
}
