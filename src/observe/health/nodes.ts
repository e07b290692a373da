import type { KubeObject } from '../../kube/types.ts';
import { judged, seconds, type Check } from './check.ts';

/** A kubelet renews its lease every 10 s; a node's Ready condition is only as fresh as the controller that writes it. */
const leaseLateMs = 60_000;

interface NodeCondition {
  type: string;
  status: string;
  reason?: string;
}

/** Pure: what is wrong with a node, by its own conditions, taints and cordon. */
export function nodeProblems(node: KubeObject): string[] {
  const conditions = ((node['status'] as { conditions?: NodeCondition[] } | undefined)?.conditions ??
    []) as NodeCondition[];
  const spec = (node['spec'] ?? {}) as { unschedulable?: boolean; taints?: { key: string; effect: string }[] };
  const { name } = node.metadata;
  const problems: string[] = [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True') problems.push(`node ${name} is not ready (${ready?.reason ?? 'no condition'})`);
  for (const { type, status } of conditions) {
    if (type !== 'Ready' && status === 'True') problems.push(`node ${name} has ${type}`);
  }
  if (spec.unschedulable) problems.push(`node ${name} is cordoned`);
  for (const { key, effect } of spec.taints ?? []) {
    // Other taints are the owner's intent; these are set by Kubernetes when something is wrong.
    if (key.startsWith('node.kubernetes.io/') && !(spec.unschedulable && key === 'node.kubernetes.io/unschedulable')) {
      problems.push(`node ${name} has taint ${key}:${effect}`);
    }
  }
  return problems;
}

export const nodesReady: Check = {
  id: 'kubernetes/nodes',
  title: 'Nodes are ready, schedulable and without pressure',
  category: 'kubernetes',
  async run({ nodes }) {
    const all = await nodes();
    const problems = all.length === 0 ? ['the cluster has no node'] : all.flatMap(nodeProblems);
    return judged(
      problems,
      `${all.length} of ${all.length}: ${all.map(({ metadata }) => metadata.name).join(', ')}`,
      'kubectl describe node NAME; look at the kubelet log; kubectl uncordon NAME.',
    );
  },
};

/** Pure: nodes whose kubelet has not renewed its lease. */
export function lateLeases(nodes: readonly KubeObject[], leases: readonly KubeObject[], now: number): string[] {
  return nodes.flatMap(({ metadata: { name, creationTimestamp } }) => {
    const lease = leases.find(({ metadata }) => metadata.name === name);
    // A young kubelet makes its lease some seconds after the node is Ready; its registration was its first sign of life.
    const renewed = (lease?.['spec'] as { renewTime?: string } | undefined)?.renewTime ?? creationTimestamp;
    if (renewed === undefined) return [`node ${name} has no lease`];
    const age = now - Date.parse(renewed);
    return age > leaseLateMs ? [`the kubelet of ${name} was last heard ${seconds(age)} ago`] : [];
  });
}

export const kubeletHeartbeat: Check = {
  id: 'kubernetes/kubelet-heartbeat',
  title: 'Every kubelet renews its lease',
  category: 'kubernetes',
  async run({ nodes, kube, clock }) {
    const all = await nodes();
    const leases = await kube.list('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases');
    return judged(
      lateLeases(all, leases, clock.now()),
      `within ${seconds(leaseLateMs)} on ${all.length} nodes`,
      'The kubelet is dead, cut off, or the clocks differ.',
    );
  },
};
