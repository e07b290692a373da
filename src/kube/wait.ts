import { pollUntil, type Look } from '../base/poll.ts';
import { podTrouble, throwIfFatal } from './pod-trouble.ts';
import { hasEnded, isTerminating, podName, unsteady } from './pod-status.ts';
import type { FollowedList, KubeClient, KubeObject } from './types.ts';

export interface WaitOptions {
  timeoutMs: number;
  labelSelector?: string;
  signal?: AbortSignal | undefined;
  /** Told why it still waits, whenever that changes. */
  progress?: (reason: string) => void;
  /** Whose workloads are waited for, by the labels of their pods; default: all. */
  concerns?: ((labels: Record<string, string>) => boolean) | undefined;
}

/** Without a change in between: the lists are followed. */
const intervalMs = 1000;

/**
 * Waits until every Deployment and StatefulSet of a namespace (there must be one) has rolled out: all replicas of the
 * newest template are available and no old one is left.
 *
 * @throws MeshproofError MESHPROOF_POD_CRASHED with the last log lines, or MESHPROOF_IMAGE, as soon as waiting is
 * pointless; MESHPROOF_WORKLOAD_NOT_READY naming the pod and the reason at the deadline.
 */
export async function waitForDeployments(kube: KubeClient, namespace: string, options: WaitOptions): Promise<void> {
  const apps = `/apis/apps/v1/namespaces/${namespace}`;
  using deployments = kube.follow(selected(`${apps}/deployments`, options.labelSelector));
  using statefulSets = kube.follow(selected(`${apps}/statefulsets`, options.labelSelector));
  using pods = kube.follow(`/api/v1/namespaces/${namespace}/pods`);
  await wait(`Workloads in ${namespace}`, options, [deployments, statefulSets, pods], async () => {
    const { concerns = () => true } = options;
    const all = (await Promise.all([deployments.current(), statefulSets.current()])).flat();
    const workloads = all.filter(({ spec }) => concerns(spec?.template?.metadata?.labels ?? {}));
    if (workloads.length === 0) return { pending: `${namespace} has no workloads` };
    const waiting = workloads.map(rolloutTrouble).filter((reason) => reason !== undefined);
    const theirs = (await pods.current()).filter(({ metadata }) => concerns(metadata.labels ?? {}));
    const reason = waiting.length === 0 ? await unsteadiness(kube, theirs) : (await troublesOf(kube, theirs))[0];
    if (waiting.length === 0 && reason === undefined) return { ready: undefined };
    return { pending: reason ?? waiting[0]! };
  });
}

/** Waits until all pods that match (there must be one) are ready, those that terminate apart. @throws as waitForDeployments */
export async function waitForPods(kube: KubeClient, namespace: string, options: WaitOptions): Promise<void> {
  using followed = kube.follow(selected(`/api/v1/namespaces/${namespace}/pods`, options.labelSelector));
  await wait(`Pods in ${namespace}`, options, [followed], async () => {
    const pods = await followed.current();
    if (pods.filter((pod) => !isTerminating(pod)).length === 0) return { pending: `${namespace} has no such pods` };
    const reason = (await troublesOf(kube, pods))[0] ?? (await unsteadiness(kube, pods));
    return reason === undefined ? { ready: undefined } : { pending: reason };
  });
}

function selected(path: string, labelSelector: string | undefined): string {
  return labelSelector === undefined ? path : `${path}?${new URLSearchParams({ labelSelector }).toString()}`;
}

/** Why a Deployment or StatefulSet has not rolled out, from its status alone. */
export function rolloutTrouble(workload: KubeObject): string | undefined {
  const { status = {}, spec } = workload;
  const wanted: number = spec?.replicas ?? 1;
  const name = `${workload.kind} ${workload.metadata.name}`;
  if ((status.observedGeneration ?? 0) < (workload.metadata.generation ?? 0)) return `${name} was not looked at yet`;
  const conditions = (status.conditions ?? []) as { type: string; status: string; message?: string }[];
  const failure = conditions.find((condition) => condition.type === 'ReplicaFailure' && condition.status === 'True');
  if (failure) return `${name} cannot create its pods: ${failure.message ?? ''}`;
  const updated: number = status.updatedReplicas ?? 0;
  const available: number = status.availableReplicas ?? 0;
  if (updated < wanted) return `${name} has ${updated} of ${wanted} replicas of the newest template`;
  if ((status.replicas ?? 0) > updated) return `${name} still has ${status.replicas - updated} old replicas`;
  return available < wanted ? `${name} has ${available} of ${wanted} replicas available` : undefined;
}

/** A crash loop is available for a moment each time it starts: what says so of pods that are all up, or throws. */
async function unsteadiness(kube: KubeClient, pods: KubeObject[]): Promise<string | undefined> {
  for (const pod of pods.filter((one) => !isTerminating(one) && !hasEnded(one))) {
    const why = unsteady(pod, Date.now());
    if (why !== undefined) return (await troublesOf(kube, [pod]))[0] ?? `pod ${podName(pod)}: ${why}`;
  }
  return undefined;
}

async function troublesOf(kube: KubeClient, pods: KubeObject[]): Promise<string[]> {
  const troubles = pods.filter((pod) => !isTerminating(pod)).map(podTrouble);
  const reasons: string[] = [];
  for (const trouble of troubles) {
    if (!trouble) continue;
    await throwIfFatal(kube, trouble);
    reasons.push(trouble.reason);
  }
  return reasons;
}

async function wait(
  what: string,
  options: WaitOptions,
  lists: readonly FollowedList[],
  look: () => Promise<Look<undefined>>,
): Promise<void> {
  await pollUntil(look, {
    what,
    intervalMs,
    changed: () => Promise.race(lists.map((list) => list.changed())),
    timeoutMs: options.timeoutMs,
    signal: options.signal,
    code: 'MESHPROOF_WORKLOAD_NOT_READY',
    hint: 'The pod named above says why; `kubectl describe` it with the kubeconfig of the lab.',
    onPending: options.progress,
  });
}
