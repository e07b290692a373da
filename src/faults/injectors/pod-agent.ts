import { pollUntil } from '../../base/poll.ts';
import { getIfThere } from '../../kube/get-if-there.ts';
import { containerStatus } from '../../kube/pod-status.ts';
import type { KubeClient } from '../../kube/types.ts';
import { pointDir } from './point/container.ts';

/** Ephemeral containers that hold a change in pods, by pod. */
export interface PodAgentArgs {
  /** In the order in which they are asked to end. */
  containers: string[];
  pods: { namespace: string; name: string; uid: string }[];
}

/** Each container's first process wrote down its own id. */
const askToEnd = ['busybox', 'sh', '-c', `for file in ${pointDir}/*.pid; do kill -TERM $(cat $file); done`];

/** Beyond the drain time that a fault point may take. */
const endTimeoutMs = 20_000;

/**
 * Takes back what ephemeral containers hold, from data alone: asks each to end and waits until it has. A pod that is gone
 * took its change along. The guard takes the rule out whatever became of the rest.
 *
 * @throws MeshproofError when one still runs, KubeApiError when the API server cannot be asked
 */
export async function undoPodAgent(kube: KubeClient, { containers, pods }: PodAgentArgs): Promise<void> {
  await Promise.all(
    pods.map(async (pod) => {
      const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}`;
      const running = async (): Promise<string[]> => {
        const seen = await getIfThere(kube, path);
        if (seen === undefined || seen.metadata.uid !== pod.uid) return [];
        return containers.filter((container) => containerStatus(seen, container)?.state?.running !== undefined);
      };
      await pollUntil(
        async () => {
          const left = await running();
          if (left.length === 0) return { ready: true };
          for (const container of left) await kube.exec(pod, askToEnd, { container, timeoutMs: 5000 });
          return { pending: `${left.join(', ')} still run` };
        },
        { what: `what a fault left in ${pod.namespace}/${pod.name}`, timeoutMs: endTimeoutMs, intervalMs: 500 },
      );
    }),
  );
}
