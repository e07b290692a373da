import { randomBytes } from 'node:crypto';
import type { FaultContext } from '../../define-fault.ts';
import type { ActiveFault, LedgerEntry } from '../../fault.ts';
import { checkTargets, refused } from '../targets.ts';
import { adminPort, ledgerPath, listenPort, pointNames } from './container.ts';
import { pointConfig } from './envoy-config.ts';
import { FaultPoint, type PointResult } from './fault-point.ts';
import type { PodAgentArgs } from '../pod-agent.ts';
import type { HttpFaultSpec, PointFault } from './point-fault.ts';
import { matching, receiptsOf } from './receipt.ts';

/** Time beyond the longest hold that requests under way get to end when the fault is taken out. */
const drainGraceMs = 1000;
const defaultLedgerKeptMs = 60_000;

/**
 * Puts a fault point behind the sidecar of every given pod. In force everywhere when it resolves; on failure nothing stays.
 *
 * @throws MeshproofError MESHPROOF_FAULT_START
 */
export async function injectPoints(
  fault: PointFault,
  spec: HttpFaultSpec,
  context: FaultContext,
): Promise<ActiveFault> {
  const { kube, pods, appPath, appPort, signal } = context;
  await checkTargets(context, spec);
  const id = randomBytes(4).toString('hex');
  const envoyConfig = pointConfig({
    listenPort,
    adminPort,
    appPort,
    ledgerPath,
    pathPrefix: spec.pathPrefix ?? '/',
    fault: fault.envoyFault(spec, spec.percentage),
    calibrationFault: fault.envoyFault(spec, 100),
  });
  const image = context.images['fault-point']?.ref;
  if (image === undefined) throw refused(spec, 'the image `envoy` is not there', 'Load the images of the lab first.');
  const drainMs = fault.holdsMs(spec) + drainGraceMs;
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
          ledgerKeptMs: context.ledgerKeptMs ?? defaultLedgerKeptMs,
          envoyConfig,
        },
      }),
  );
  const end = (): Promise<PointResult[]> => Promise.all(points.map((point) => point.end()));
  const results = (): Promise<PointResult[]> => Promise.all(points.map((point) => point.result()));
  const names = pointNames(id);
  const args: PodAgentArgs = {
    containers: [names.point, names.guard],
    pods: pods.map(({ namespace, name, uid }) => ({ namespace, name, uid })),
  };
  const undoEntry = await context.rollback.record({
    what: `${spec.kind} at ${spec.target} (${id}): iptables rule and ephemeral containers in ${pods.map((pod) => `${pod.namespace}/${pod.name}`).join(', ')}`,
    injector: 'pod-agent',
    args: { ...args },
    undo: async () => {
      const left = (await end()).filter((result) => !result.undone);
      if (left.length > 0)
        throw refused(
          spec,
          `it could not be undone in ${left.map(({ pod }) => pod.name).join(', ')}: ${left.flatMap(({ problems }) => problems).join('; ')}`,
          'Delete these pods: the fault goes with them.',
        );
    },
  });
  const undo = (): Promise<void> => undoEntry.run();

  /** All of them, or none. */
  const all = async (step: (point: FaultPoint) => Promise<void>): Promise<void> => {
    const outcomes = await Promise.allSettled(points.map(step));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  };
  try {
    await context.progress.step(`fault ${spec.kind} at ${spec.target}`, () => all((point) => point.arm()));
    context.onPrepared?.();
    await context.mayBegin;
    await all((point) => point.go());
  } catch (error) {
    await undo();
    signal.throwIfAborted();
    throw error;
  }
  const mechanism = `envoy fault filter behind the sidecar (iptables OUTPUT redirect of uid ${appPath.sidecarUid} on ${appPath.outInterface}, port ${appPort})`;
  return {
    spec,
    pods,
    // A fault point restarts and replaces nothing.
    expected: { restarts: {}, replaced: [] },
    lift: async () => {
      const whole = undo();
      // Whoever undoes it hears of it.
      whole.catch(() => undefined);
      await Promise.race([whole, Promise.all(points.map((point) => point.out))]);
    },
    undo,
    ledger: async () =>
      matching(
        spec,
        (await results()).flatMap((result) => result.entries),
      ).map(toLedgerEntry),
    receipts: async () => receiptsOf(fault, spec, mechanism, await results()),
  };
}

function toLedgerEntry(entry: LedgerEntry): LedgerEntry {
  const { requestId, startedAt, clockAheadMs, durationMs, status, injected, cancelled, path, pod } = entry;
  return { requestId, startedAt, clockAheadMs, durationMs, status, injected, cancelled, path, pod };
}
