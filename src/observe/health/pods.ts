import { containerStatuses, podName } from '../../kube/pod-status.ts';
import { judged, type Check, type ExpectedDisruption } from './check.ts';
import type { HealthBaseline } from './health.ts';
import { crashLoops, outOfMemory, podProblem, restartsOf, type PodJson } from './pod.ts';

export const podsRunning: Check = {
  id: 'workloads/pods-ready',
  title: 'Every pod runs and is ready',
  category: 'workloads',
  async run({ pods, clock, namespaces, expected }) {
    const all = await pods();
    if (all.length === 0)
      return { status: 'invalid', observed: `no pod in ${namespaces.join(', ')}`, hint: 'Nothing runs there.' };
    const { judgedPods, unreachable } = withoutUnreachable(all, expected);
    return judged(
      judgedPods.flatMap((pod) => podProblem(pod, clock.now()) ?? []),
      `${all.length} pods${unreachable > 0 ? `, ${unreachable} of them unreachable on purpose` : ''}`,
      'kubectl describe pod NAME -n NAMESPACE; kubectl logs --previous.',
    );
  },
};

/** Pods that are judged: an injection has those that it made unreachable on its account. */
export function withoutUnreachable(
  pods: readonly PodJson[],
  expected: ExpectedDisruption | undefined,
): { judgedPods: PodJson[]; unreachable: number } {
  const away = new Set(expected?.unreachable);
  const judgedPods = pods.filter(({ metadata }) => !away.has(metadata.uid!));
  return { judgedPods, unreachable: pods.length - judgedPods.length };
}

/** Pure: images that cannot be had. The kubelet tries for ever, but never gets one that is not there. */
export function imageProblems(pod: PodJson): string[] {
  if (pod.metadata.deletionTimestamp !== undefined) return [];
  return containerStatuses(pod).flatMap(({ name, state }) => {
    const { reason = '', message = '' } = state?.waiting ?? {};
    if (!/Image/.test(reason)) return [];
    return [`${podName(pod)} container ${name}: ${reason}${message ? `: ${message.slice(0, 200)}` : ''}`];
  });
}

export const imagesThere: Check = {
  id: 'workloads/images',
  title: 'Every image can be had',
  category: 'workloads',
  async run({ pods }) {
    const all = await pods();
    return judged(
      all.flatMap(imageProblems),
      `${all.length} pods looked at`,
      'Load the image into the cluster, correct its name, or give the namespace a pull secret.',
    );
  },
};

export const noCrashLoops: Check = {
  id: 'workloads/crash-loops',
  title: 'No container crashes again and again',
  category: 'workloads',
  async run({ pods, clock, expected }) {
    const all = await pods();
    const problems = all.flatMap((pod) =>
      crashLoops(pod, { now: clock.now(), expectedRestarts: expected?.restarts?.[pod.metadata.uid!] }),
    );
    return judged(problems, `${all.length} pods looked at`, 'kubectl logs --previous shows why it ended.');
  },
};

/**
 * Pure: restarts since the baseline that nobody ordered, and, where it was said which pods are replaced, others that are
 * missing. A pod younger than the baseline counts from zero.
 */
export function unexpectedRestarts(
  pods: readonly PodJson[],
  baseline: HealthBaseline,
  { restarts = {}, replaced }: ExpectedDisruption,
): { problems: string[]; expected: number; replaced: number } {
  const problems: string[] = [];
  let ordered = 0;
  for (const pod of pods) {
    const uid = pod.metadata.uid!;
    const since = restartsOf(pod) - (baseline.pods[uid]?.restarts ?? 0);
    const allowed = restarts[uid] ?? 0;
    ordered += Math.min(since, allowed);
    if (since > allowed)
      problems.push(`${podName(pod)} restarted ${since} times${allowed > 0 ? `, ${allowed} of them on purpose` : ''}`);
  }
  const gone = Object.entries(baseline.pods).filter(([uid]) => !pods.some(({ metadata }) => metadata.uid === uid));
  for (const [uid, { name }] of gone) {
    if (replaced !== undefined && !replaced.includes(uid)) problems.push(`${name} is gone, and nobody replaced it`);
  }
  return { problems, expected: ordered, replaced: gone.length };
}

export const noRestarts: Check = {
  id: 'workloads/restarts',
  title: 'No container restarted, and no pod went, by itself since the baseline',
  category: 'workloads',
  async run({ pods, since, expected: ordered = {} }) {
    const all = await pods();
    if (!since) {
      const restarts = all.reduce((sum, pod) => sum + restartsOf(pod), 0);
      return { status: 'skipped', observed: `this is the baseline: ${restarts} restarts so far in ${all.length} pods` };
    }
    const { problems, expected, replaced } = unexpectedRestarts(all, since.baseline, ordered);
    return judged(
      problems,
      `none in ${all.length} pods (${expected} on purpose, ${replaced} pods replaced)`,
      'kubectl logs --previous shows why it ended.',
    );
  },
};

export const noOutOfMemory: Check = {
  id: 'workloads/out-of-memory',
  title: 'No container was killed for want of memory',
  category: 'workloads',
  async run({ pods }) {
    const all = await pods();
    return judged(
      all.flatMap(outOfMemory),
      `${all.length} pods looked at`,
      'Raise the memory limit, or look for a leak.',
    );
  },
};
