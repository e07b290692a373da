import type { KubeObject } from '../../kube/types.ts';
import { judged, type Check, type CheckContext } from './check.ts';
import type { PodJson } from './pod.ts';

interface WorkloadStatus {
  observedGeneration?: number;
  replicas?: number;
  readyReplicas?: number;
  updatedReplicas?: number;
  availableReplicas?: number;
  desiredNumberScheduled?: number;
  numberReady?: number;
  updatedNumberScheduled?: number;
}

/**
 * Pure: desired = ready = updated, and the controller has seen the newest spec.
 *
 * @param unreachable how many of its pods an injection has made unreachable
 */
export function workloadProblem(workload: KubeObject, unreachable = 0): string | undefined {
  const { kind, metadata } = workload;
  const status = (workload['status'] ?? {}) as WorkloadStatus;
  const daemon = kind === 'DaemonSet';
  const desired = daemon
    ? (status.desiredNumberScheduled ?? 0)
    : ((workload['spec'] as { replicas?: number }).replicas ?? 1);
  const ready = (daemon ? status.numberReady : status.readyReplicas) ?? 0;
  const updated = (daemon ? status.updatedNumberScheduled : status.updatedReplicas) ?? 0;
  const name = `${kind} ${metadata.namespace}/${metadata.name}`;
  const generation = (metadata as { generation?: number }).generation ?? 0;
  if ((status.observedGeneration ?? 0) < generation) return `${name}: its newest spec has not been acted upon`;
  if (ready + unreachable < desired) return `${name}: ${ready} of ${desired} ready`;
  if (updated < desired) return `${name}: ${updated} of ${desired} updated`;
  if (!daemon && (status.replicas ?? 0) > desired)
    return `${name}: ${status.replicas} replicas where ${desired} are wanted`;
  return undefined;
}

async function workloadsOf({ kube, namespaces }: CheckContext): Promise<KubeObject[]> {
  const kinds = { deployments: 'Deployment', statefulsets: 'StatefulSet', daemonsets: 'DaemonSet' };
  const lists = await Promise.all(
    namespaces.flatMap((namespace) =>
      Object.entries(kinds).map(async ([plural, kind]) => {
        const items = await kube.list(`/apis/apps/v1/namespaces/${namespace}/${plural}`);
        // Items of a list carry no kind.
        return items.map((item) => ({ ...item, kind }));
      }),
    ),
  );
  return lists.flat().filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

async function unreachablePods({ pods, expected }: CheckContext): Promise<PodJson[]> {
  if (!expected?.unreachable?.length) return [];
  return (await pods()).filter(({ metadata }) => expected.unreachable!.includes(metadata.uid!));
}

/** How many of these pods are the workload's. */
function of(workload: KubeObject, pods: readonly PodJson[]): number {
  const selector = Object.entries(
    (workload['spec'] as { selector?: { matchLabels?: object } }).selector?.matchLabels ?? {},
  );
  return pods.filter(
    ({ metadata }) =>
      metadata.namespace === workload.metadata.namespace &&
      selector.every(([key, value]) => metadata.labels?.[key] === value),
  ).length;
}

export const workloadsAvailable: Check = {
  id: 'workloads/available',
  title: 'Workloads have the replicas they want, ready and up to date',
  category: 'workloads',
  async run(context) {
    const workloads = await workloadsOf(context);
    const away = await unreachablePods(context);
    const problems = workloads.flatMap((workload) => workloadProblem(workload, of(workload, away)) ?? []);
    const empty = context.namespaces.filter(
      (namespace) => !workloads.some(({ metadata }) => metadata.namespace === namespace),
    );
    if (problems.length === 0 && (empty.length > 0 || context.namespaces.length === 0)) {
      return {
        status: 'invalid',
        observed: `no workload in ${empty.join(', ') || 'any namespace: none was given'}, nothing can be said of it`,
        hint: 'Name the namespaces whose workloads are to be judged.',
      };
    }
    return judged(
      problems,
      `${workloads.length} workloads in ${context.namespaces.join(', ')}`,
      'kubectl describe the workload and its pods.',
    );
  },
};
