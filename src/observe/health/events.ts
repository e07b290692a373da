import { isReady, podName } from '../../kube/pod-status.ts';
import type { KubeObject } from '../../kube/types.ts';
import { judged, probePrefix, type Check } from './check.ts';
import type { PodJson } from './pod.ts';
import { withoutUnreachable } from './pods.ts';

/** When an event was last seen; three fields by age of the writer. */
export function eventTime(event: KubeObject): number {
  const series = event['series'] as { lastObservedTime?: string } | undefined;
  const times = [
    series?.lastObservedTime,
    event['lastTimestamp'],
    event['eventTime'],
    event.metadata.creationTimestamp,
  ];
  return Math.max(0, ...times.flatMap((time) => (typeof time === 'string' ? [Date.parse(time)] : [])));
}

/** A node that had one of these was in trouble, whatever it says now. */
const graveNodeReasons = new Set(['SystemOOM', 'OOMKilling', 'EvictionThresholdMet', 'NodeNotReady', 'Rebooted']);

/**
 * Pure. A warning is open while the pod it speaks of exists and is not ready (or its namespace's node was in grave
 * trouble); one about a pod that is gone or ready again is settled: start-up and faults made on purpose leave many.
 * Warnings about other objects are counted only: what they harm shows in the workloads.
 */
export function openWarnings(
  events: readonly KubeObject[],
  pods: readonly PodJson[],
  after: number,
): { open: string[]; settled: number } {
  const open: string[] = [];
  let settled = 0;
  for (const event of events) {
    const involved = (event['involvedObject'] ?? {}) as {
      kind?: string;
      namespace?: string;
      name?: string;
      uid?: string;
    };
    if (event['type'] !== 'Warning' || eventTime(event) < after || involved.name?.startsWith(probePrefix)) continue;
    const reason = String(event['reason']);
    const pod = involved.kind === 'Pod' ? pods.find(({ metadata }) => metadata.uid === involved.uid) : undefined;
    const troubled = pod
      ? !isReady(pod) && pod.status?.phase !== 'Succeeded' && pod.metadata.deletionTimestamp === undefined
      : involved.kind === 'Node' && graveNodeReasons.has(reason);
    if (troubled)
      open.push(
        `${pod ? podName(pod) : `node ${involved.name}`}: ${reason}: ${String(event['message'] ?? '').slice(0, 160)}`,
      );
    else settled++;
  }
  return { open, settled };
}

export const noWarnings: Check = {
  id: 'workloads/warnings',
  title: 'No warning event is still true',
  category: 'workloads',
  async run({ events, pods, since, expected }) {
    const { judgedPods } = withoutUnreachable(await pods(), expected);
    const { open, settled } = openWarnings(await events(), judgedPods, since?.baseline.eventsUntil ?? 0);
    return judged(
      open,
      `none${settled > 0 ? `; ${settled} settled or without effect${since ? ' since the baseline' : ''}` : ''}`,
      'kubectl get events -n NAMESPACE --field-selector type=Warning',
    );
  },
};
