import pLimit from 'p-limit';
import type { KubeClient, PodRef } from '../kube/types.ts';
import { readyPods } from '../kube/pods.ts';
import type { ProxySnapshot } from '../observe/telemetry/snapshot.ts';

/** Traffic that a proxy counted since it started. */
export interface SeenEdge {
  source: string;
  destination: string;
  requests: number;
  /** Payload of connections that have no requests. */
  bytes: number;
}

/**
 * Who called whom in a namespace since its proxies started, by what the callers' proxies counted; undefined where no pod has
 * a proxy that can be asked.
 */
export async function seenEdges(
  kube: KubeClient,
  namespace: string,
  metrics: (pod: PodRef) => Promise<ProxySnapshot>,
): Promise<SeenEdge[] | undefined> {
  const limit = pLimit(6);
  const pods = await readyPods(kube, namespace);
  // A pod outside of the mesh has no proxy to ask, and is no error here.
  const looks = await Promise.allSettled(pods.map((pod) => limit(() => metrics(pod))));
  const snapshots = looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []));
  return snapshots.length === 0 ? undefined : edgesOf(snapshots);
}

/** One edge per caller and callee, over all replicas. */
export function edgesOf(snapshots: readonly ProxySnapshot[]): SeenEdge[] {
  const edges = new Map<string, SeenEdge>();
  for (const { service, outbound } of snapshots) {
    for (const { destination, requestsByCode, bytesSent, bytesReceived } of outbound) {
      const key = `${service} ${destination}`;
      const edge = edges.get(key) ?? { source: service, destination, requests: 0, bytes: 0 };
      edge.requests += Object.values(requestsByCode).reduce((sum, count) => sum + count, 0);
      edge.bytes += bytesSent + bytesReceived;
      edges.set(key, edge);
    }
  }
  return [...edges.values()];
}
