import { podName } from '../../kube/pod-status.ts';
import { judged, type Check } from './check.ts';
import type { HealthBaseline } from './health.ts';
import { crashLoops, outOfMemory, podProblem, restartsOf, type PodJson } from './pod.ts';

export const podsRunning: Check = {
  id: 'workloads/pods-ready',
  title: 'Every pod runs and is ready',
  category: 'workloads',
  async run({ pods, clock, namespaces }) {
    const all = await pods();
    if (all.length === 0)
      return { status: 'invalid', observed: `no pod in ${namespaces.join(', ')}`, hint: 'Nothing runs there.' };
    return judged(
      all.flatMap((pod) => podProblem(pod, clock.now()) ?? []),
      `${all.length} pods`,
      'kubectl describe pod NAME -n NAMESPACE; kubectl logs --previous.',
    );
  },
};

export const noCrashLoops: Check = {
  id: 'workloads/crash-loops',
  title: 'No container crashes again and again',
  category: 'workloads',
  async run({ pods, clock, expectedRestarts = {} }) {
    const all = await pods();
    const problems = all.flatMap((pod) =>
      crashLoops(pod, { now: clock.now(), expectedRestarts: expectedRestarts[pod.metadata.uid!] }),
    );
    return judged(problems, `${all.length} pods looked at`, 'kubectl logs --previous shows why it ended.');
  },
};

/** Pure: restarts since the baseline that nobody ordered. A pod younger than the baseline counts from zero. */
export function unexpectedRestarts(
  pods: readonly PodJson[],
  baseline: HealthBaseline,
  expected: Readonly<Record<string, number>>,
): { problems: string[]; expected: number; replaced: number } {
  const problems: string[] = [];
  let ordered = 0;
  for (const pod of pods) {
    const uid = pod.metadata.uid!;
    const since = restartsOf(pod) - (baseline.pods[uid]?.restarts ?? 0);
    const allowed = expected[uid] ?? 0;
    ordered += Math.min(since, allowed);
    if (since > allowed)
      problems.push(`${podName(pod)} restarted ${since} times${allowed > 0 ? `, ${allowed} of them on purpose` : ''}`);
  }
  const replaced = Object.keys(baseline.pods).filter(
    (uid) => !pods.some(({ metadata }) => metadata.uid === uid),
  ).length;
  return { problems, expected: ordered, replaced };
}

export const noRestarts: Check = {
  id: 'workloads/restarts',
  title: 'No container restarted by itself since the baseline',
  category: 'workloads',
  async run({ pods, since, expectedRestarts = {} }) {
    const all = await pods();
    if (!since) {
      const restarts = all.reduce((sum, pod) => sum + restartsOf(pod), 0);
      return { status: 'skipped', observed: `this is the baseline: ${restarts} restarts so far in ${all.length} pods` };
    }
    const { problems, expected, replaced } = unexpectedRestarts(all, since.baseline, expectedRestarts);
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
