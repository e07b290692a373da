import { randomBytes } from 'node:crypto';
import { systemClock } from '../base/clock.ts';
import { MeshproofError } from '../base/errors.ts';
import type { Progress } from '../base/progress.ts';
import type { ImageMap } from '../images/image.ts';
import type { KubeClient, PodRef } from '../kube/types.ts';
import type { AppPath } from '../meshes/adapter.ts';
import type { ActiveFault, FaultSpec, LedgerEntry } from './fault.ts';
import { kindOf } from './index.ts';
import { adminPort, listenPort, pointDir } from './injectors/point/container.ts';
import { pointConfig } from './injectors/point/envoy-config.ts';
import { FaultPoint, type PointResult } from './injectors/point/fault-point.ts';
import { matching, receiptsOf } from './receipt.ts';
import type { UndoRegistrar } from './undo-registrar.ts';

/** Faults only hit namespaces that carry this label (design, rule 9). */
export const chaosLabel = { name: 'meshproof.dev/chaos', value: 'allowed' };

/** Time beyond the longest hold that requests under way get to end when the fault is taken out. */
const drainGraceMs = 1000;
/** Longer than a start may take, so that only what was given up is too late; clocks may differ by the rest. */
const notAfterMs = 60_000;

export interface FaultContext {
  kube: KubeClient;
  images: ImageMap;
  /** The target's ready replicas, chosen by uid. */
  pods: PodRef[];
  /** Port the app listens on inside its pod. */
  appPort: number;
  appPath: AppPath;
  journal: UndoRegistrar;
  progress: Progress;
  signal: AbortSignal;
  /** The fault takes itself out after this, whatever happened to meshproof. */
  deadManMs: number;
}

/**
 * Injects a fault behind the sidecar of every given pod. In force everywhere when it resolves; on failure nothing stays.
 *
 * @throws MeshproofError MESHPROOF_SCENARIO_INVALID for a spec that makes no sense, MESHPROOF_FAULT_START otherwise.
 */
export async function startFault(spec: FaultSpec, context: FaultContext): Promise<ActiveFault> {
  const kind = kindOf(spec);
  kind.validate(spec);
  const { kube, pods, appPath, appPort, signal } = context;
  await checkTargets(context, spec);
  const id = randomBytes(4).toString('hex');
  const envoyConfig = pointConfig({
    listenPort,
    adminPort,
    appPort,
    ledgerPath: `${pointDir}/ledger.ndjson`,
    pathPrefix: spec.pathPrefix ?? '/',
    fault: kind.envoyFault(spec, spec.percentage),
    calibrationFault: kind.envoyFault(spec, 100),
  });
  const image = context.images['envoy']?.ref;
  if (image === undefined) throw refused(spec, 'the image `envoy` is not there', 'Load the images of the lab first.');
  const drainMs = kind.holdsMs(spec) + drainGraceMs;
  const notAfterS = Math.ceil((systemClock.now() + notAfterMs) / 1000);
  const points = pods.map(
    (pod) =>
      new FaultPoint({
        kube,
        pod,
        signal,
        settings: {
          id,
          image,
          appPort,
          appPath,
          podIp: pod.ip,
          deadManMs: context.deadManMs,
          drainMs,
          notAfterS,
          envoyConfig,
        },
      }),
  );
  let results: Promise<PointResult[]> | undefined;
  const end = (): Promise<PointResult[]> => (results ??= Promise.all(points.map((point) => point.end())));
  const undoEntry = await context.journal.register(
    `${spec.kind} at ${spec.target} (${id}): iptables rule and ephemeral containers in ${pods.map((pod) => `${pod.namespace}/${pod.name}`).join(', ')}`,
    async () => {
      const left = (await end()).filter((result) => !result.undone).map((result) => result.pod.name);
      if (left.length > 0)
        throw refused(
          spec,
          `it could not be undone in ${left.join(', ')}`,
          'Delete these pods: the fault goes with them.',
        );
    },
  );
  const undo = (): Promise<void> => undoEntry.run();

  const started = await context.progress.step(`fault ${spec.kind} at ${spec.target}`, () =>
    Promise.allSettled(points.map((point) => point.start())),
  );
  const failed = started.find((outcome) => outcome.status === 'rejected');
  if (failed) {
    await undo();
    signal.throwIfAborted();
    throw failed.reason;
  }
  const mechanism = `envoy fault filter behind the sidecar (iptables OUTPUT redirect of uid ${appPath.sidecarUid} on ${appPath.outInterface}, port ${appPort})`;
  return {
    spec,
    pods,
    undo,
    ledger: async () =>
      matching(
        spec,
        (await end()).flatMap((result) => result.entries),
      ).map(toLedgerEntry),
    receipts: async () => receiptsOf(spec, mechanism, await end()),
  };
}

function toLedgerEntry(entry: LedgerEntry): LedgerEntry {
  const { requestId, startedAt, durationMs, status, injected, cancelled, path, pod } = entry;
  return { requestId, startedAt, durationMs, status, injected, cancelled, path, pod };
}

function refused(spec: FaultSpec, why: string, hint: string): MeshproofError {
  return new MeshproofError('MESHPROOF_FAULT_START', `fault ${spec.kind} at ${spec.target}: ${why}`, hint);
}

async function checkTargets({ kube, pods }: FaultContext, spec: FaultSpec): Promise<void> {
  if (pods.length === 0)
    throw refused(spec, 'it has no ready replica', 'Wait for the workload to be ready; see its pods.');
  for (const name of new Set(pods.map((pod) => pod.namespace))) {
    const namespace = await kube.get(`/api/v1/namespaces/${name}`);
    if (namespace.metadata.labels?.[chaosLabel.name] === chaosLabel.value) continue;
    throw refused(
      spec,
      `namespace ${name} does not allow faults`,
      `Label it if that is what you want: kubectl label namespace ${name} ${chaosLabel.name}=${chaosLabel.value}`,
    );
  }
}
