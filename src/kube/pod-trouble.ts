import { MeshproofError, type ErrorCode } from '../base/errors.ts';
import { containerLog } from './pod-log.ts';
import { condition, containerStatuses, containerTrouble, isReady, podName } from './pod-status.ts';
import type { KubeClient, KubeObject } from './types.ts';

/** Why a pod is not ready. `fatal` means waiting longer cannot help. */
export interface PodTrouble {
  pod: string;
  reason: string;
  fatal?: { code: ErrorCode; hint: string; container: string };
}

const logLines = 12;

/** Judges a pod from its status alone; undefined when it is ready or has done its work. */
export function podTrouble(pod: KubeObject): PodTrouble | undefined {
  const phase = pod.status?.phase as string | undefined;
  if (isReady(pod) || phase === 'Succeeded') return undefined;
  const name = podName(pod);
  for (const status of containerStatuses(pod)) {
    const trouble = containerTrouble(status);
    if (trouble === undefined) continue;
    const reason = `pod ${name}: ${trouble.reason}`;
    if (!trouble.final) return { pod: name, reason };
    const fatal =
      trouble.kind === 'crash'
        ? { code: 'MESHPROOF_POD_CRASHED' as const, hint: 'Its last log lines are above.' }
        : { code: 'MESHPROOF_IMAGE' as const, hint: 'Load the image into the cluster, or correct its name.' };
    return { pod: name, reason, fatal: { ...fatal, container: status.name } };
  }
  const scheduled = condition(pod, 'PodScheduled');
  if (scheduled?.status === 'False')
    return { pod: name, reason: `pod ${name} is pending: ${scheduled.message ?? 'not scheduled'}` };
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

async function lastLog(kube: KubeClient, pod: string, container: string): Promise<string> {
  const [namespace = '', name = ''] = pod.split('/');
  const read = (previous: boolean): Promise<string> =>
    containerLog(kube, { namespace, name }, container, { tailLines: logLines, previous });
  // A log is a help, not a must: what is wrong is known without it.
  const text = await read(true).catch(() => '');
  return (text || (await read(false).catch(() => ''))).trim();
}
