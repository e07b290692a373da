import { MeshproofError } from '../../base/errors.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';

/** What one container uses at one moment, by the kubelet. */
export interface ContainerUsage {
  pod: string;
  podUid: string;
  container: string;
  /** When the kubelet measured CPU; it looks every ten seconds or so. */
  at: number;
  /** CPU time since the container started. */
  cpuNanoseconds: number;
  /** Working set: what the kernel would kill it for. */
  memoryBytes: number;
  /** What it may use: its limit, or else all of its node. */
  memoryLimitBytes: number;
  cpuLimitCores: number;
}

interface Summary {
  node?: { memory?: { availableBytes?: number; workingSetBytes?: number } };
  pods?: {
    podRef: { name: string; namespace: string; uid: string };
    containers?: {
      name: string;
      cpu?: { time?: string; usageCoreNanoSeconds?: number };
      memory?: { workingSetBytes?: number };
    }[];
  }[];
}

export interface Limits {
  memoryBytes?: number | undefined;
  cpuCores?: number | undefined;
}

/**
 * Containers of a namespace in a kubelet's `/stats/summary` (k8s.io/kubelet stats/v1alpha1). One that the kubelet has not
 * measured yet is left out. It is asked for CPU and memory only: with the disks, a kubelet whose root disk is hidden from
 * it answers 500.
 *
 * @throws MeshproofError MESHPROOF_METRICS_UNREADABLE
 */
export function parseStatsSummary(
  json: string,
  {
    namespace,
    limits,
    nodeCores,
  }: { namespace: string; limits: (podUid: string, container: string) => Limits; nodeCores: number },
): ContainerUsage[] {
  let summary: Summary;
  try {
    summary = JSON.parse(json) as Summary;
  } catch {
    throw unreadable(`not JSON: ${json.slice(0, 80)}`);
  }
  if (!Array.isArray(summary.pods)) throw unreadable('no "pods" in the reply');
  const { availableBytes = 0, workingSetBytes = 0 } = summary.node?.memory ?? {};
  return summary.pods
    .filter(({ podRef }) => podRef.namespace === namespace)
    .flatMap(({ podRef, containers = [] }) =>
      containers.flatMap(({ name, cpu, memory }): ContainerUsage[] => {
        if (cpu?.time === undefined || cpu.usageCoreNanoSeconds === undefined || memory?.workingSetBytes === undefined)
          return [];
        const limit = limits(podRef.uid, name);
        return [
          {
            pod: podRef.name,
            podUid: podRef.uid,
            container: name,
            at: Date.parse(cpu.time),
            cpuNanoseconds: cpu.usageCoreNanoSeconds,
            memoryBytes: memory.workingSetBytes,
            memoryLimitBytes: limit.memoryBytes ?? availableBytes + workingSetBytes,
            cpuLimitCores: limit.cpuCores ?? nodeCores,
          },
        ];
      }),
    );
}

/** Every measured container of a namespace, from the kubelets of its nodes. @throws MeshproofError when one does not answer */
export async function containerUsage(kube: KubeClient, namespace: string): Promise<ContainerUsage[]> {
  const pods = await kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/pods`);
  const nodes = [...new Set(pods.map((pod) => pod.spec?.nodeName as string | undefined))].filter(
    (node) => node !== undefined,
  );
  const limits = (podUid: string, container: string): Limits => {
    const found = pods.find(({ metadata }) => metadata.uid === podUid);
    const specs = [...(found?.spec.initContainers ?? []), ...(found?.spec.containers ?? [])] as ContainerSpec[];
    const stated = specs.find(({ name }) => name === container)?.resources?.limits;
    return { memoryBytes: quantity(stated?.memory), cpuCores: quantity(stated?.cpu) };
  };
  const perNode = await Promise.all(
    nodes.map(async (node) => {
      const [object, json] = await Promise.all([
        kube.get(`/api/v1/nodes/${node}`),
        kube.getText(`/api/v1/nodes/${node}/proxy/stats/summary?only_cpu_and_memory=true`),
      ]);
      const capacity = (object['status'] as { capacity?: { cpu?: string } } | undefined)?.capacity;
      return parseStatsSummary(json, { namespace, limits, nodeCores: quantity(capacity?.cpu) ?? 1 });
    }),
  );
  return perNode.flat();
}

/**
 * Cores a container used on average since an earlier look; undefined when the kubelet did not measure in between, or it is
 * another container of that name.
 */
export function coresUsed(now: ContainerUsage, before: readonly ContainerUsage[]): number | undefined {
  const old = before.find(({ podUid, container }) => podUid === now.podUid && container === now.container);
  if (old === undefined || now.at <= old.at || now.cpuNanoseconds < old.cpuNanoseconds) return undefined;
  return (now.cpuNanoseconds - old.cpuNanoseconds) / 1e6 / (now.at - old.at);
}

interface ContainerSpec {
  name: string;
  resources?: { limits?: { memory?: string; cpu?: string } };
}

const units: Record<string, number> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** A Kubernetes quantity (`250m`, `512Mi`) as a number; undefined without one. */
export function quantity(text: string | undefined): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(text ?? '') ?? [];
  const factor = unit === undefined ? undefined : units[unit];
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}

function unreadable(why: string): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_METRICS_UNREADABLE',
    `the kubelet's stats cannot be read: ${why}`,
    'Ask the API server yourself: kubectl get --raw /api/v1/nodes/NODE/proxy/stats/summary?only_cpu_and_memory=true.',
  );
}
