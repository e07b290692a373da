import type { KubeClient, KubeObject } from '../../kube/types.ts';
import { probeLabel } from './check.ts';

/** Everything a check makes, the whole namespaces last: what is in them goes with them. */
const places = ['/apis/batch/v1/jobs', '/api/v1/pods', '/api/v1/namespaces'];

/**
 * Takes away what a health check that was killed has left: objects with the label of probes, older than any check lasts, so
 * that those of a look that goes on beside this one stay.
 *
 * @returns paths of what was taken away
 */
export async function reapProbes(
  kube: KubeClient,
  { now, olderThanMs }: { now: number; olderThanMs: number },
): Promise<string[]> {
  const selector = `${probeLabel}=true`;
  const lists = await Promise.all(places.map((path) => kube.list<KubeObject>(path, selector)));
  const left = lists.flat().filter(({ metadata }) => isLeft(metadata, now - olderThanMs));
  const reaped: string[] = [];
  for (const object of left) {
    const path = await kube.pathOf(object);
    await kube.delete(path, { gracePeriodSeconds: 0, propagation: 'Background' });
    reaped.push(path);
  }
  return reaped;
}

function isLeft({ creationTimestamp, deletionTimestamp }: KubeObject['metadata'], before: number): boolean {
  return deletionTimestamp === undefined && creationTimestamp !== undefined && Date.parse(creationTimestamp) < before;
}
