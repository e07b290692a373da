import { MeshproofError, type ErrorCode } from '../base/errors.ts';
import { isOwnImage, registryOf } from '../images/reference.ts';
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
/** What a kernel says of a program for another processor: https://man7.org/linux/man-pages/man2/execve.2.html (ENOEXEC). */
const wrongArchitecture = 'Its program is for another processor than the node has: build the image for the node’s.';

/** Judges a pod from its status alone; undefined when it is ready or has done its work. */
export function podTrouble(pod: KubeObject): PodTrouble | undefined {
  const phase = pod.status?.phase as string | undefined;
  if (isReady(pod) || phase === 'Succeeded') return undefined;
  const name = podName(pod);
  for (const status of containerStatuses(pod)) {
    const trouble = containerTrouble(status);
    if (trouble === undefined) continue;
    const image = trouble.kind === 'image' ? imageOf(pod, status.name) : undefined;
    const what = image === undefined ? '' : ` (image ${image}${isOwnImage(image) ? '' : ` from ${registryOf(image)}`})`;
    const reason = `pod ${name}: ${trouble.reason}${what}`;
    if (!trouble.final) return { pod: name, reason };
    const fatal =
      trouble.kind === 'crash'
        ? { code: 'MESHPROOF_POD_CRASHED' as const, hint: 'Its last log lines are above.' }
        : { code: 'MESHPROOF_IMAGE' as const, hint: imageHint(image) };
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

function imageOf({ spec }: KubeObject, container: string): string | undefined {
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])] as { name: string; image?: string }[];
  return all.find(({ name }) => name === container)?.image;
}

function imageHint(image: string | undefined): string {
  if (image !== undefined && isOwnImage(image))
    return 'meshproof loads its images into the lab, and no registry has them: make the lab anew with --recreate.';
  return 'Is the name right, and can the node reach the registry? A private one needs an imagePullSecret in the namespace. Or let meshproof load it: deploy.images of the app file.';
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
  const foreign = /exec format error/.test(log) ? wrongArchitecture : hint;
  throw new MeshproofError(code, `${trouble.reason}${log ? `:\n${log}` : ''}`, foreign);
}

async function lastLog(kube: KubeClient, pod: string, container: string): Promise<string> {
  const [namespace = '', name = ''] = pod.split('/');
  const read = (previous: boolean): Promise<string> =>
    containerLog(kube, { namespace, name }, container, { tailLines: logLines, previous });
  // A log is a help, not a must: what is wrong is known without it.
  const text = await read(true).catch(() => '');
  return (text || (await read(false).catch(() => ''))).trim();
}
