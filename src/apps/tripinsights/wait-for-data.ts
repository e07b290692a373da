import { pollUntil } from '../../base/poll.ts';
import { containerStatuses, isReady, isTerminating, waitingReason } from '../../kube/pod-status.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import { dataCallCommand } from './probe-command.ts';
import { services } from './topology.ts';

export interface WaitForDataOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
  onPending?: (reason: string) => void;
}

/**
 * Waits until every replica of every service has answered its data call, asked anew from inside its pod: readiness
 * as the API server tells it may be older than what happened since.
 *
 * @throws MeshproofError MESHPROOF_WORKLOAD_NOT_READY with the service and the reason.
 */
export async function waitForData(
  kube: KubeClient,
  namespace: string,
  options: WaitForDataOptions = {},
): Promise<void> {
  const { timeoutMs = 120_000, signal, onPending } = options;
  const deadline = performance.now() + timeoutMs;
  await Promise.all(
    services.map((service) =>
      pollUntil(
        async () => {
          const pending = await firstProblem(kube, namespace, service, signal);
          return pending === undefined ? { ready: true } : { pending };
        },
        {
          what: `TripInsights ${service} in ${namespace}`,
          timeoutMs: Math.max(0, deadline - performance.now()),
          intervalMs: 250,
          code: 'MESHPROOF_WORKLOAD_NOT_READY',
          hint: `Look at the pods of namespace ${namespace}: their events and the log of container ${service}.`,
          signal,
          onPending: (reason) => onPending?.(`${service}: ${reason}`),
        },
      ),
    ),
  );
}

async function firstProblem(
  kube: KubeClient,
  namespace: string,
  service: (typeof services)[number],
  signal?: AbortSignal,
): Promise<string | undefined> {
  const deployment = await kube.get(`/apis/apps/v1/namespaces/${namespace}/deployments/${service}`);
  const pods = (await kube.list(`/api/v1/namespaces/${namespace}/pods`, `app=${service}`)).filter(
    (pod) => !isTerminating(pod),
  );
  const ready = pods.filter(isReady);
  const wanted = Number(deployment.spec.replicas);
  if (ready.length < wanted) return `${ready.length} of ${wanted} pods are ready${waitingReasons(pods)}`;
  for (const pod of ready) {
    const { exitCode, stderr } = await kube.exec({ namespace, name: pod.metadata.name }, dataCallCommand(service), {
      container: service,
      timeoutMs: 10_000,
      signal,
    });
    if (exitCode !== 0)
      return `pod ${pod.metadata.name} does not answer its data call: ${stderr.trim() || 'wrong body'}`;
  }
  return undefined;
}

function waitingReasons(pods: KubeObject[]): string {
  for (const pod of pods) {
    for (const status of containerStatuses(pod)) {
      const reason = waitingReason(status);
      if (reason) return ` (${pod.metadata.name}, container ${status.name}: ${reason})`;
    }
  }
  return '';
}
