import pLimit from 'p-limit';
import { messageOf } from '../base/errors.ts';
import type { PodRef } from '../kube/types.ts';
import type { SeenPod } from './seen-pods.ts';

/** What each of several proxies answered, and whose proxies could not be asked. */
export interface Answers<T> {
  answers: { pod: SeenPod; value: T }[];
  problems: string[];
}

/** Each is a port-forward to an admin port. */
const atOnce = 6;

/** Asks every proxy; one that does not answer is a problem, never a zero. */
export async function askProxies<T>(
  pods: readonly SeenPod[],
  ask: (pod: PodRef) => Promise<T>,
  signal: AbortSignal,
): Promise<Answers<T>> {
  const limit = pLimit(atOnce);
  const found: Answers<T> = { answers: [], problems: [] };
  const meshed = pods.filter(({ meshed: isMeshed }) => isMeshed);
  const looks = await Promise.allSettled(meshed.map((pod) => limit(() => ask(pod.ref))));
  signal.throwIfAborted();
  looks.forEach((look, index) => {
    const pod = meshed[index]!;
    if (look.status === 'fulfilled') found.answers.push({ pod, value: look.value });
    else found.problems.push(`${pod.ref.name}: its proxy cannot be asked: ${messageOf(look.reason)}`);
  });
  return found;
}
