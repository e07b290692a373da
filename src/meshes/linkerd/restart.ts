import type { Clock } from '../../base/clock.ts';
import { pollUntil } from '../../base/poll.ts';
import type { PodRef } from '../../kube/types.ts';
import type { SidecarProblem } from '../adapter.ts';
import type { AdminPort } from '../admin-port.ts';
import { Metrics } from './metrics.ts';

/** The kubelet waits before it starts a container again, longer each time: on a lab that is kept, for minutes. */
const timeoutMs = 180_000;

/**
 * Ends a proxy, so that the kubelet starts its container again, and waits for its successor.
 *
 * @param problem what is still wrong with the pod's place in the mesh; undefined: it is back
 * @throws MeshproofError MESHPROOF_MESH_NOT_READY when it is not back in time
 */
export async function restartProxy(options: {
  admin: AdminPort;
  pod: PodRef;
  problem: () => Promise<SidecarProblem | undefined>;
  clock: Clock;
  signal: AbortSignal;
}): Promise<void> {
  const { admin, pod, problem, signal } = options;
  const startedAt = async (): Promise<number> => new Metrics(await admin.text(pod, '/metrics')).startedAt;
  const before = await startedAt();
  await admin.send(pod, '/shutdown', 'POST');
  await pollUntil(
    async () => {
      if ((await startedAt()) === before) return { pending: 'the old process still runs' };
      const left = await problem();
      return left === undefined ? { ready: true } : { pending: `${left.problem}: ${left.detail}` };
    },
    { what: `the proxy of ${pod.name} is back`, timeoutMs, signal, code: 'MESHPROOF_MESH_NOT_READY' },
  );
}
