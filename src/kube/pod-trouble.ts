import { MeshproofError, type ErrorCode } from '../base/errors.ts';
import { containerStatuses, isReady, type ContainerStatus } from './pods.ts';
import type { KubeClient, KubeObject } from './types.ts';

/** Why a pod is not ready. `fatal` means waiting longer cannot help. */
export interface PodTrouble {
  pod: string;
  reason: string;
  fatal?: { code: ErrorCode; hint: string; container: string };
}

/** Two restarts and a back-off: one crash while a database starts is life, three are a crash loop. */
const crashLoopRestarts = 2;
const hopelessImageReasons = new Set(['ErrImageNeverPull', 'InvalidImageName']);
const logLines = 12;

/** Judges a pod from its status alone; undefined when it is ready or has done its work. */
export function podTrouble(pod: KubeObject): PodTrouble | undefined {
  const phase = pod.status?.phase as string | undefined;
  if (isReady(pod) || phase === 'Succeeded') return undefined;
  const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
  for (const status of containerStatuses(pod)) {
    const trouble = containerTrouble(name, status);
    if (trouble) return trouble;
  }
  const conditions = (pod.status?.conditions ?? []) as { type: string; status: string; message?: string }[];
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (unscheduled) return { pod: name, reason: `pod ${name} is pending: ${unscheduled.message ?? 'not scheduled'}` };
  if (phase === 'Failed') {
    return {
      pod: name,
      reason: `pod ${name} failed: ${pod.status?.message ?? pod.status?.reason ?? 'no reason given'}`,
    };
  }
  const waiting = containerStatuses(pod).find(({ ready, state }) => !ready && !state?.terminated);
  const what = waiting?.state?.waiting?.reason ?? (waiting ? 'running, not ready yet' : 'starting');
  return { pod: name, reason: `pod ${name} is not ready: ${waiting ? `${waiting.name}: ` : ''}${what}` };
}

/**
 * Throws what cannot get better, with the last lines the container wrote.
 *
 * @throws MeshproofError MESHPROOF_POD_CRASHED or MESHPROOF_IMAGE
 */
export async function throwIfFatal(kube: KubeClient, trouble: PodTrouble): Promise<void> {
  if (!trouble.fatal) return;
  const { code, hint, container } = trouble.fatal;
  const log = code === 'MESHPROOF_POD_CRASHED' ? await lastLog(kube, trouble.pod, container) : '';
  throw new MeshproofError(code, `${trouble.reason}${log ? `:\n${log}` : ''}`, hint);
}

function containerTrouble(pod: string, status: ContainerStatus): PodTrouble | undefined {
  const { waiting } = status.state ?? {};
  if (waiting?.reason === 'CrashLoopBackOff') {
    const last = status.lastState?.terminated;
    const how = last
      ? ` (exit code ${last.exitCode}${last.reason && last.reason !== 'Error' ? `, ${last.reason}` : ''})`
      : '';
    const reason = `pod ${pod}: container ${status.name} crashed ${status.restartCount + 1} times${how}`;
    if (status.restartCount < crashLoopRestarts) return { pod, reason };
    const hint = 'Its last log lines are above.';
    return { pod, reason, fatal: { code: 'MESHPROOF_POD_CRASHED', hint, container: status.name } };
  }
  if (waiting?.reason && /Image/.test(waiting.reason)) {
    const reason = `pod ${pod}: container ${status.name}: ${waiting.reason}: ${waiting.message ?? ''}`;
    if (!hopelessImageReasons.has(waiting.reason)) return { pod, reason };
    const hint = 'Load the image into the cluster, or correct its name.';
    return { pod, reason, fatal: { code: 'MESHPROOF_IMAGE', hint, container: status.name } };
  }
  if (waiting?.reason === 'CreateContainerConfigError' || waiting?.reason === 'CreateContainerError') {
    return { pod, reason: `pod ${pod}: container ${status.name}: ${waiting.reason}: ${waiting.message ?? ''}` };
  }
  return undefined;
}

async function lastLog(kube: KubeClient, pod: string, container: string): Promise<string> {
  const [namespace, name] = pod.split('/');
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/log?container=${container}&tailLines=${logLines}`;
  const text = await kube.getText(`${path}&previous=true`).catch(() => kube.getText(path).catch(() => ''));
  return text.trim();
}
