import pLimit from 'p-limit';
import type { RunContext } from '../claims/context.ts';
import type { PodRef } from '../kube/types.ts';
import type { ProxySnapshot } from '../observe/telemetry/snapshot.ts';

/** One look at several proxies, a few at a time: each is a port-forward to an admin port. */
export async function proxySnapshots(
  watched: readonly { pod: PodRef; service: string }[],
  context: RunContext,
): Promise<ProxySnapshot[]> {
  const limit = pLimit(6);
  return Promise.all(watched.map(({ pod }) => limit(() => context.lab.mesh.metrics(pod))));
}
