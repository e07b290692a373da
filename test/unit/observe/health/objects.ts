import type { ContainerStatus } from '../../../../src/kube/pod-status.ts';
import type { PodJson } from '../../../../src/observe/health/pod.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';

export const now = Date.parse('2026-05-01T12:00:00Z');

export function container(over: Partial<ContainerStatus> = {}): ContainerStatus {
  return { name: 'app', ready: true, restartCount: 0, ...over };
}

export interface PodOptions {
  name?: string;
  phase?: string;
  ready?: boolean;
  reason?: string;
  unschedulable?: string;
  deletionTimestamp?: string;
  containers?: ContainerStatus[];
  initContainers?: ContainerStatus[];
  initNames?: string[];
}

export function pod(options: PodOptions = {}): PodJson {
  const { name = 'web', phase = 'Running', ready = true, unschedulable } = options;
  return {
    metadata: {
      name,
      namespace: 'demo',
      uid: `uid-${name}`,
      ...(options.deletionTimestamp ? { deletionTimestamp: options.deletionTimestamp } : {}),
    },
    spec: {
      containers: [{ name: 'app' }],
      initContainers: (options.initNames ?? []).map((init) => ({ name: init, restartPolicy: 'Always' })),
    },
    status: {
      phase,
      ...(options.reason ? { reason: options.reason } : {}),
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False' },
        unschedulable === undefined
          ? { type: 'PodScheduled', status: 'True' }
          : { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: unschedulable },
      ],
      containerStatuses: options.containers ?? [],
      initContainerStatuses: options.initContainers ?? [],
    },
  };
}

export function node(
  spec: object = {},
  conditions: Record<string, string> = { Ready: 'True', DiskPressure: 'False' },
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1' },
    spec,
    status: { conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })) },
  };
}

export function workload(kind: string, replicas: number, status: object): KubeObject {
  const metadata = { name: 'web', namespace: 'demo', generation: 1 };
  return { apiVersion: 'apps/v1', kind, metadata, spec: { replicas }, status: { observedGeneration: 1, ...status } };
}

export function event(options: {
  kind?: string;
  name?: string;
  uid?: string;
  reason?: string;
  type?: string;
  at: number;
}): KubeObject {
  const { kind = 'Pod', name = 'web', uid, reason = 'BackOff', type = 'Warning', at } = options;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'e' },
    type,
    reason,
    message: 'because',
    lastTimestamp: new Date(at).toISOString(),
    involvedObject: { kind, name, namespace: 'demo', uid },
  };
}
