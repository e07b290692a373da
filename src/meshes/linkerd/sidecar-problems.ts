import type { SidecarProblem } from '../adapter.ts';
import type { AdminPort } from '../admin-port.ts';
import { problemOf, type MeshedPod } from '../meshed-pod.ts';
import { sidecarContainer } from './names.ts';
import { proxyState } from './proxy-state.ts';

/** The first thing that is wrong with one pod's place in the mesh, or undefined. */
export async function sidecarProblem(pod: MeshedPod, admin: AdminPort): Promise<SidecarProblem | undefined> {
  if (!pod.hasSidecar) {
    return problemOf(
      pod,
      'no-sidecar',
      `it has no container ${sidecarContainer}: it was made while the injector did not look, and its traffic is plaintext`,
    );
  }
  const { problem } = await proxyState(admin, pod);
  return problem && problemOf(pod, problem.problem, problem.detail);
}
