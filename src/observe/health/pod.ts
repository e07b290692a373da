import { condition, containerStatuses, isReady, podName, type Pod } from '../../kube/pod-status.ts';
import type { ObjectMeta } from '../../kube/types.ts';

/** The parts of a pod that are judged, as the API writes them. */
export interface PodJson extends Pod {
  metadata: ObjectMeta & { deletionGracePeriodSeconds?: number };
  spec: {
    nodeName?: string;
    restartPolicy?: string;
    containers: { name: string }[];
    initContainers?: { name: string; restartPolicy?: string }[];
  };
}

/** A native sidecar is an init container. */
export function hasContainer({ spec }: Pick<PodJson, 'spec'>, wanted: string): boolean {
  return [...(spec.initContainers ?? []), ...spec.containers].some(({ name }) => name === wanted);
}

export function restartsOf(pod: PodJson): number {
  return containerStatuses(pod).reduce((sum, { restartCount }) => sum + restartCount, 0);
}

const terminationGraceMs = 30_000;

/** Why a pod is not as it should be; undefined when it runs and is ready, has succeeded, or is on its way out in time. */
export function podProblem(pod: PodJson, now: number): string | undefined {
  const { metadata, status } = pod;
  if (metadata.deletionTimestamp !== undefined) {
    // deletionTimestamp already includes the grace period.
    const late = now - Date.parse(metadata.deletionTimestamp);
    return late > terminationGraceMs
      ? `${podName(pod)} should have been gone ${Math.round(late / 1000)} s ago`
      : undefined;
  }
  switch (status?.phase) {
    case 'Succeeded':
      return undefined;
    case 'Running':
      return isReady(pod) ? undefined : `${podName(pod)} is not ready${waitingReason(pod)}`;
    case 'Failed':
      return `${podName(pod)} failed${text(status.reason)}${text(status.message)}`;
    case undefined:
    default: {
      const scheduled = condition(pod, 'PodScheduled');
      const why = scheduled?.status === 'False' ? text(scheduled.reason) + text(scheduled.message) : waitingReason(pod);
      return `${podName(pod)} is ${(status?.phase ?? 'unknown').toLowerCase()}${why}`;
    }
  }
}

function waitingReason(pod: PodJson): string {
  return containerStatuses(pod)
    .filter(({ ready, state }) => !ready && (state?.waiting ?? (state?.terminated && state.terminated.exitCode !== 0)))
    .map(({ name, state, lastState }) => {
      const last = lastState?.terminated;
      const before = last ? ` (ended before with ${last.exitCode}${text(last.reason)}${text(last.message)})` : '';
      const now = state?.waiting ?? state?.terminated;
      return `, container ${name}${text(now?.reason)}${last ? '' : text(now?.message)}${before}`;
    })
    .slice(0, 2)
    .join('');
}

function text(value: string | undefined): string {
  return value ? `: ${value.slice(0, 200)}` : '';
}

const loopWindowMs = 300_000;

/**
 * Containers that crash again and again: waiting in CrashLoopBackOff, down again after a restart, or restarted three
 * times or more (restarts that were caused on purpose taken off) with the last crash within five minutes, since a loop also runs now
 * and then.
 */
export function crashLoops(pod: PodJson, options: { now: number; expectedRestarts?: number | undefined }): string[] {
  const { now, expectedRestarts = 0 } = options;
  return containerStatuses(pod).flatMap(({ name, restartCount, state, lastState }) => {
    const last = state?.terminated ?? lastState?.terminated;
    const recent =
      last?.finishedAt !== undefined && now - Date.parse(last.finishedAt) < loopWindowMs && last.exitCode !== 0;
    const own = restartCount - expectedRestarts;
    const waits = state?.waiting?.reason === 'CrashLoopBackOff' && (own > 0 || restartCount === 0);
    const downAgain = own > 0 && state?.terminated !== undefined && state.terminated.exitCode !== 0;
    if (!waits && !downAgain && !(own >= 3 && recent)) return [];
    return [
      `${podName(pod)} container ${name} crashed ${restartCount} times${last ? `, last with exit code ${last.exitCode}` : ''}`,
    ];
  });
}

export function outOfMemory(pod: PodJson): string[] {
  return containerStatuses(pod).flatMap(({ name, state, lastState }) =>
    [state?.terminated, lastState?.terminated].some((ended) => ended?.reason === 'OOMKilled')
      ? [`${podName(pod)} container ${name} was killed for want of memory`]
      : [],
  );
}
