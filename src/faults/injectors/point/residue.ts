import { MeshproofError } from '../../../base/errors.ts';
import { pollUntil, type Look } from '../../../base/poll.ts';
import { getIfThere } from '../../../kube/get-if-there.ts';
import { logEvents } from '../../../kube/log-events.ts';
import { containerLog } from '../../../kube/pod-log.ts';
import type { ContainerStatus, Pod } from '../../../kube/pod-status.ts';
import type { KubeClient, PodRef } from '../../../kube/types.ts';

/** Something a fault left behind in a pod. */
export interface Residue {
  pod: string;
  namespace: string;
  what: string;
}

/**
 * What faults left in these pods: an ephemeral container of meshproof's that still runs (and with it the fault proxy), or
 * nat rules that differ from those before. An empty list means none. A pod that is gone took everything with it.
 */
export async function residue(options: {
  kube: KubeClient;
  pods: readonly PodRef[];
  timeoutMs?: number;
}): Promise<Residue[]> {
  const { kube, pods, timeoutMs = 10_000 } = options;
  return (await Promise.all(pods.map((pod) => residueOf(kube, pod, timeoutMs)))).flat();
}

async function residueOf(kube: KubeClient, ref: PodRef, timeoutMs: number): Promise<Residue[]> {
  const path = `/api/v1/namespaces/${ref.namespace}/pods/${ref.name}`;
  const found = (what: string): Residue => ({ pod: ref.name, namespace: ref.namespace, what });
  const look = async (): Promise<{ running: string[]; guards: string[] }> => {
    const pod = await getIfThere(kube, path);
    const statuses = pod?.metadata.uid === ref.uid ? ours(pod) : [];
    return {
      running: statuses.filter((status) => status.state?.running !== undefined).map((status) => status.name),
      // One that never started did nothing.
      guards: statuses
        .filter(({ name, state }) => name.startsWith('meshproof-guard-') && state?.waiting === undefined)
        .map((status) => status.name),
    };
  };
  // The kubelet writes a container's end into the pod's status up to a second late.
  const settled = async (): Promise<Look<Awaited<ReturnType<typeof look>>>> => {
    const now = await look();
    return now.running.length === 0 ? { ready: now } : { pending: now.running.join(', ') };
  };
  const seen = await pollUntil(settled, { what: `ephemeral containers of ${ref.name}`, timeoutMs }).catch(
    (error: unknown) => {
      if (error instanceof MeshproofError && error.code === 'MESHPROOF_TIMEOUT') return look();
      throw error;
    },
  );
  const left = seen.running.map((name) => found(`ephemeral container ${name} still runs`));
  for (const guard of seen.guards) {
    const log = await pollUntil(async () => ({ ready: await containerLog(kube, ref, guard) }), {
      what: `log of ${guard}`,
      timeoutMs,
    });
    const done = logEvents(log).find((event) => event.event === 'guard-done');
    if (!done) left.push(found(`${guard} did not say how it left the nat rules`));
    else if (done.fields['undone'] !== 'yes' || done.fields['nat-before'] !== done.fields['nat-after']) {
      left.push(found(`the nat rules are not as they were before the fault of ${guard}`));
    }
  }
  return left;
}

function ours(pod: Pod): ContainerStatus[] {
  return (pod.status?.ephemeralContainerStatuses ?? []).filter((status) => status.name.startsWith('meshproof-'));
}
