import pLimit from 'p-limit';
import { systemClock, type Clock } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { pollUntil } from '../../base/poll.ts';
import type { PodRef } from '../../kube/types.ts';
import { parseEnvoyCounters } from '../../observe/telemetry/envoy-histogram.ts';
import type { ProxySnapshot } from '../../observe/telemetry/snapshot.ts';
import type { MeshComponent, SidecarProblem } from '../adapter.ts';
import type { MeshedPod } from '../meshed-pod.ts';
import { envoyVersion, uptimeMs, type EnvoyAdmin } from './admin.ts';
import { readSnapshot, type StatNames } from './snapshot.ts';

/** What is wrong with a sidecar, without whose it is. */
export type EnvoyProblem = Pick<SidecarProblem, 'problem' | 'detail'>;

const connected = 'control_plane.connected_state';
const warming = ['cluster_manager.warming_clusters', 'listener_manager.total_listeners_warming'];
const draining = ['listener_manager.total_filter_chains_draining', 'listener_manager.total_listeners_draining'];

/**
 * The first thing that keeps an Envoy from doing what the control plane says; its configuration where it is fine.
 *
 * @param read what the mesh reads in a dump: it is long, and read once
 */
export async function envoyState<Config extends { rejected: readonly string[] }>(
  admin: EnvoyAdmin,
  pod: Pick<MeshedPod, 'ref' | 'notRunning'>,
  read: (dump: unknown) => Config,
): Promise<EnvoyProblem | { config: Config }> {
  if (pod.notRunning !== undefined) return { problem: 'not-ready', detail: pod.notRunning };
  let dump: unknown;
  let gauges: Map<string, number>;
  try {
    const info = await admin.serverInfo(pod.ref);
    if (info.state !== 'LIVE') return { problem: 'not-ready', detail: `Envoy is ${info.state}` };
    gauges = await readGauges(admin, pod.ref, [connected, ...warming]);
    dump = await admin.json(pod.ref, '/config_dump');
  } catch (error) {
    return { problem: 'not-connected', detail: `its proxy cannot be asked: ${messageOf(error)}` };
  }
  if (gauges.get(connected) !== 1)
    return { problem: 'not-connected', detail: 'its proxy has no connection to the control plane' };
  const left = warming.reduce((sum, name) => sum + (gauges.get(name) ?? 0), 0);
  if (left > 0) return { problem: 'not-in-sync', detail: `${left} clusters or listeners are still warming` };
  const config = read(dump);
  const [rejected] = config.rejected;
  if (rejected !== undefined) return { problem: 'not-in-sync', detail: `its proxy refused an update: ${rejected}` };
  return { config };
}

/** Connections of filter chains that were replaced live on by old rules until they are drained. */
export async function isDraining(admin: EnvoyAdmin, pod: PodRef): Promise<boolean> {
  const gauges = await readGauges(admin, pod, draining);
  return draining.some((name) => (gauges.get(name) ?? 0) > 0);
}

async function readGauges(admin: EnvoyAdmin, pod: PodRef, names: readonly string[]): Promise<Map<string, number>> {
  return parseEnvoyCounters(await admin.text(pod, `/stats?format=json&filter=^(${names.join('|')})$`));
}

/** One for each sidecar. */
export async function envoyComponents(admin: EnvoyAdmin, pods: readonly MeshedPod[]): Promise<MeshComponent[]> {
  const limit = pLimit(6);
  return Promise.all(
    pods.map((pod) =>
      limit(async (): Promise<MeshComponent> => {
        const name = `envoy of ${pod.ref.name}`;
        if (pod.notRunning !== undefined)
          return { name, version: 'unknown', role: 'data-plane', ready: false, tool: 'envoy' };
        const info = await admin.serverInfo(pod.ref);
        return { name, version: envoyVersion(info), role: 'data-plane', ready: info.state === 'LIVE', tool: 'envoy' };
      }),
    ),
  );
}

/** Everything a sidecar has counted since it started. */
export async function envoySnapshot(
  admin: EnvoyAdmin,
  { ref, service }: Pick<MeshedPod, 'ref' | 'service'>,
  names: StatNames,
  clock: Clock = systemClock,
): Promise<ProxySnapshot> {
  const info = await admin.serverInfo(ref);
  const takenAt = clock.now();
  const subject = { pod: ref.name, podUid: ref.uid, service, takenAt, startedAt: takenAt - uptimeMs(info) };
  return readSnapshot(await admin.stats(ref), subject, names);
}

/**
 * Ends an Envoy, so that the kubelet starts its container again, and waits for its successor.
 *
 * @param problem what is still wrong with the pod's place in the mesh; undefined: it is back
 * @throws MeshproofError MESHPROOF_MESH_NOT_READY when it is not back in time
 */
export async function restartEnvoy(options: {
  admin: EnvoyAdmin;
  pod: PodRef;
  problem: () => Promise<EnvoyProblem | undefined>;
  clock: Clock;
  signal: AbortSignal;
  /** Default 30 s. */
  timeoutMs?: number;
}): Promise<void> {
  const { admin, pod, problem, clock, signal, timeoutMs = 30_000 } = options;
  const wait = { signal, timeoutMs, code: 'MESHPROOF_MESH_NOT_READY' as const };
  // Uptime is in whole seconds: only a proxy that is older than that can be told from its successor.
  await pollUntil(
    async () => {
      const uptime = uptimeMs(await admin.serverInfo(pod));
      return uptime >= 3000 ? { ready: true } : { pending: `Envoy runs for ${uptime} ms only` };
    },
    { ...wait, what: `the proxy of ${pod.name} can be restarted` },
  );
  const quitAt = clock.monotonicMs();
  await admin.send(pod, '/quitquitquit', 'POST');
  await pollUntil(
    async () => {
      const sinceQuit = clock.monotonicMs() - quitAt;
      if (uptimeMs(await admin.serverInfo(pod)) > sinceQuit + 1000) return { pending: 'the old process still runs' };
      const left = await problem();
      return left === undefined ? { ready: true } : { pending: `${left.problem}: ${left.detail}` };
    },
    { ...wait, what: `the proxy of ${pod.name} is back` },
  );
}
