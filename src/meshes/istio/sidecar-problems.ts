import type { SidecarProblem } from '../adapter.ts';
import type { EnvoyAdmin } from '../envoy/admin.ts';
import { envoyState } from '../envoy/sidecar.ts';
import type { MeshedPod } from '../meshed-pod.ts';
import { sidecarContainer } from './names.ts';

/** The first thing that is wrong with one pod's place in the mesh, or undefined. */
export async function sidecarProblem(pod: MeshedPod, admin: EnvoyAdmin): Promise<SidecarProblem | undefined> {
  const found = (problem: SidecarProblem['problem'], detail: string): SidecarProblem => ({
    pod: pod.ref.name,
    namespace: pod.ref.namespace,
    service: pod.service,
    problem,
    detail,
  });
  if (!pod.hasSidecar) {
    return found(
      'no-sidecar',
      `it has no container ${sidecarContainer}: it was made while the injector did not look, and its traffic is plaintext`,
    );
  }
  const state = await envoyState(admin, pod);
  return 'problem' in state ? found(state.problem, state.detail) : undefined;
}
