import { messageOf } from '../../base/errors.ts';
import { parseEnvoyCounters } from '../../observe/telemetry/envoy-histogram.ts';
import type { SidecarProblem } from '../adapter.ts';
import type { EnvoyAdmin } from '../envoy/admin.ts';
import { sidecarContainer } from './names.ts';
import type { MeshedPod } from './meshed-pod.ts';
import { readProxyConfig } from './proxy-config.ts';

/** What Consul holds of the instances, for pods to be compared with. */
export interface CatalogView {
  registeredPodUids: ReadonlySet<string>;
  /** Failing check by instance id, which is the pod's name. */
  failing: ReadonlyMap<string, string>;
}

const gauges = [
  'control_plane.connected_state',
  'cluster_manager.warming_clusters',
  'listener_manager.total_listeners_warming',
];

/** The first thing that is wrong with one pod's place in the mesh, or undefined. */
export async function sidecarProblem(
  pod: MeshedPod,
  catalog: CatalogView,
  admin: EnvoyAdmin,
): Promise<SidecarProblem | undefined> {
  const found = (problem: SidecarProblem['problem'], detail: string): SidecarProblem => ({
    pod: pod.ref.name,
    namespace: pod.ref.namespace,
    service: pod.service,
    problem,
    detail,
  });
  if (!pod.hasSidecar) return found('no-sidecar', `it has no container ${sidecarContainer}: its traffic is plaintext`);
  if (pod.notRunning !== undefined) return found('not-ready', pod.notRunning);
  let dump: unknown;
  let stats: Map<string, number>;
  try {
    const info = await admin.serverInfo(pod.ref);
    if (info.state !== 'LIVE') return found('not-ready', `Envoy is ${info.state}`);
    stats = parseEnvoyCounters(await admin.text(pod.ref, `/stats?format=json&filter=^(${gauges.join('|')})$`));
    dump = await admin.json(pod.ref, '/config_dump');
  } catch (error) {
    return found('not-connected', `its proxy cannot be asked: ${messageOf(error)}`);
  }
  if (stats.get(gauges[0]!) !== 1) return found('not-connected', 'its proxy has no connection to the control plane');
  const warming = (stats.get(gauges[1]!) ?? 0) + (stats.get(gauges[2]!) ?? 0);
  if (warming > 0) return found('not-in-sync', `${warming} clusters or listeners are still warming`);
  const config = readProxyConfig(dump);
  if (config.rejected.length > 0) return found('not-in-sync', `its proxy refused an update: ${config.rejected[0]}`);
  if (pod.isServer && !config.callers) return found('not-in-sync', 'its proxy has no listener for other sidecars');
  if (!catalog.registeredPodUids.has(pod.ref.uid)) return found('not-ready', 'it is not registered in Consul');
  const failing = catalog.failing.get(pod.ref.name);
  return failing === undefined ? undefined : found('not-ready', failing);
}
