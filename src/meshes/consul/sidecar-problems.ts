import type { SidecarProblem } from '../adapter.ts';
import type { EnvoyAdmin } from '../envoy/admin.ts';
import { envoyState } from '../envoy/sidecar.ts';
import { problemOf, type MeshedPod } from '../meshed-pod.ts';
import { sidecarContainer } from './names.ts';
import { readProxyConfig } from './proxy-config.ts';

/** What Consul holds of the instances, for pods to be compared with. */
export interface CatalogView {
  registeredPodUids: ReadonlySet<string>;
  /** Failing check by instance id, which is the pod's name. */
  failing: ReadonlyMap<string, string>;
}

/** The first thing that is wrong with one pod's place in the mesh, or undefined. */
export async function sidecarProblem(
  pod: MeshedPod,
  catalog: CatalogView,
  admin: EnvoyAdmin,
): Promise<SidecarProblem | undefined> {
  if (!pod.hasSidecar)
    return problemOf(pod, 'no-sidecar', `it has no container ${sidecarContainer}: its traffic is plaintext`);
  const state = await envoyState(admin, pod, readProxyConfig);
  if ('problem' in state) return problemOf(pod, state.problem, state.detail);
  if (pod.isServer && !state.config.callers)
    return problemOf(pod, 'not-in-sync', 'its proxy has no listener for other sidecars');
  if (!catalog.registeredPodUids.has(pod.ref.uid)) return problemOf(pod, 'not-ready', 'it is not registered in Consul');
  const failing = catalog.failing.get(pod.ref.name);
  return failing === undefined ? undefined : problemOf(pod, 'not-ready', failing);
}
