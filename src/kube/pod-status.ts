import { plural } from '../base/words.ts';
import type { ObjectMeta } from './types.ts';

/** The part of a pod that is read here, as the API writes it; a KubeObject of kind Pod is one. */
export interface Pod {
  metadata: ObjectMeta;
  status?: PodStatus | undefined;
}

export interface PodStatus {
  phase?: string;
  reason?: string;
  message?: string;
  podIP?: string;
  conditions?: PodCondition[];
  initContainerStatuses?: ContainerStatus[];
  containerStatuses?: ContainerStatus[];
  ephemeralContainerStatuses?: ContainerStatus[];
}

export interface PodSpec {
  containers?: { name: string; readinessProbe?: unknown }[];
}

export interface PodCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

export interface ContainerStatus {
  name: string;
  ready: boolean;
  /** Of a native sidecar: its startup probe went well. */
  started?: boolean;
  restartCount: number;
  state?: ContainerState;
  lastState?: ContainerState;
}

export interface ContainerState {
  waiting?: { reason?: string; message?: string };
  running?: { startedAt?: string };
  terminated?: { exitCode: number; reason?: string; message?: string; finishedAt?: string };
}

export function podName({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.name}`;
}

export function condition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((one) => one.type === type);
}

export function isReady(pod: Pod): boolean {
  return condition(pod, 'Ready')?.status === 'True';
}

export function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

/** All its containers have ended, and none will be started again. */
export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/**
 * Init containers first, as they run (native sidecars are init containers too). Ephemeral containers are not part of a
 * pod's readiness.
 */
export function containerStatuses(pod: Pod): ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}

/** How far its containers have come: each that runs, has started by its own probe, is ready or has ended well. Grows until all is up. */
export function stepsTaken(pod: Pod): number {
  return containerStatuses(pod)
    .flatMap(({ state, started, ready }) => [
      state?.running !== undefined,
      started === true,
      ready,
      state?.terminated?.exitCode === 0,
    ])
    .filter(Boolean).length;
}

/** Of any container, an ephemeral one included; undefined before the kubelet has one. */
export function containerStatus(pod: Pod, name: string): ContainerStatus | undefined {
  return [...containerStatuses(pod), ...(pod.status?.ephemeralContainerStatuses ?? [])].find(
    (one) => one.name === name,
  );
}

/** Reasons of a container that simply has not had its turn. */
const starting = new Set(['PodInitializing', 'ContainerCreating']);

/** `ErrImagePull: no such host`: why a container waits, undefined when it does not, or only for its turn. */
export function waitingReason({ state }: ContainerStatus): string | undefined {
  const { reason = '', message } = state?.waiting ?? {};
  if (state?.waiting === undefined || starting.has(reason)) return undefined;
  return message ? `${reason}: ${message}` : reason;
}

/** What keeps a container from running. */
export interface ContainerTrouble {
  kind: 'image' | 'crash' | 'create';
  /** `container app: ErrImagePull: no such host` */
  reason: string;
  /** Waiting longer cannot help. */
  final: boolean;
}

/** Two restarts and a back-off: one crash while a database starts is life, three are a crash loop. */
const crashLoopRestarts = 2;
const finalImageReasons = new Set(['ErrImageNeverPull', 'InvalidImageName']);
/** What registries, and the resolvers of their names, say of an image that nobody gets however often he asks. */
const hopelessPull =
  /not found|no such host|manifest unknown|name unknown|unauthorized|access denied|pull access|forbidden/i;

/** Judges a container from its status alone; undefined when it runs, has ended, or only has not had its turn. */
export function containerTrouble(status: ContainerStatus): ContainerTrouble | undefined {
  const waits = waitingReason(status);
  if (waits === undefined) return undefined;
  const reason = `container ${status.name}: ${waits}`;
  const why = status.state?.waiting?.reason ?? '';
  if (why === 'CrashLoopBackOff') {
    const last = status.lastState?.terminated;
    const how = last
      ? ` (exit code ${last.exitCode}${last.reason && last.reason !== 'Error' ? `, ${last.reason}` : ''})`
      : '';
    return {
      kind: 'crash',
      reason: `container ${status.name} crashed ${status.restartCount + 1} times${how}`,
      final: status.restartCount >= crashLoopRestarts,
    };
  }
  if (/Image/.test(why))
    return { kind: 'image', reason, final: finalImageReasons.has(why) || hopelessPull.test(waits) };
  if (/^CreateContainer|^RunContainerError$/.test(why)) return { kind: 'create', reason, final: false };
  return undefined;
}

/** A container that ended once is believed again after as long as Kubernetes' first back-off: 10 s. */
const steadyAfterCrashMs = 10_000;
/** One without a readiness probe is "ready" from its first instruction on, also where its second one ends it. */
const steadyWithoutProbeMs = 2000;

/** Why a pod that is ready may not stay so; undefined when nothing speaks against it. `now` is in ms since the epoch. */
export function unsteady(pod: Pod & { spec?: PodSpec | undefined }, now: number): string | undefined {
  for (const { name, restartCount, state } of pod.status?.containerStatuses ?? []) {
    const probed = pod.spec?.containers?.find((one) => one.name === name)?.readinessProbe !== undefined;
    const wanted = restartCount > 0 ? steadyAfterCrashMs : probed ? 0 : steadyWithoutProbeMs;
    const since = Date.parse(state?.running?.startedAt ?? '');
    const ranMs = Math.max(0, now - since);
    if (state?.running !== undefined && (Number.isNaN(since) || ranMs >= wanted)) continue;
    if (state?.terminated?.exitCode === 0 && restartCount === 0) continue;
    const how = state?.running === undefined ? 'does not run' : `runs for ${(ranMs / 1000).toFixed(0)} s`;
    return `container ${name} ${how}${restartCount > 0 ? ` after ${plural(restartCount, 'restart')}` : ' and has no readiness probe'}: it may not stay`;
  }
  return undefined;
}

/** The first trouble of any of the pod's containers. */
export function firstTrouble(pod: Pod): ContainerTrouble | undefined {
  return containerStatuses(pod)
    .map(containerTrouble)
    .find((trouble) => trouble !== undefined);
}
