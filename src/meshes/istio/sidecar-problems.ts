import type { SidecarProblem } from '../adapter.ts';
import type { EnvoyAdmin } from '../envoy/admin.ts';
import { readConfigDump } from '../envoy/config-dump.ts';
import { envoyState } from '../envoy/sidecar.ts';
import { problemOf, type MeshedPod } from '../meshed-pod.ts';
import { sidecarContainer } from './names.ts';

/** The first thing that is wrong with one pod's place in the mesh, or undefined. */
export async function sidecarProblem(pod: MeshedPod, admin: EnvoyAdmin): Promise<SidecarProblem | undefined> {
  if (!pod.hasSidecar) {
    return problemOf(
      pod,
      'no-sidecar',
      `it has no container ${sidecarContainer}: it was made while the injector did not look, and its traffic is plaintext`,
    );
  }
  const state = await envoyState(admin, pod, readConfigDump);
  return 'problem' in state ? problemOf(pod, state.problem, state.detail) : undefined;
}
