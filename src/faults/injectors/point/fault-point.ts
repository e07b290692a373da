import { systemClock } from '../../../base/clock.ts';
import { MeshproofError, messageOf } from '../../../base/errors.ts';
import { pollUntil, type Look } from '../../../base/poll.ts';
import { isHttpStatus } from '../../../kube/kube-api-error.ts';
import { logEvents, readLogBlock, type LogEvent } from '../../../kube/log-block.ts';
import type { KubeClient, KubeObject, PodRef } from '../../../kube/types.ts';
import { pointContainers, pointDir, pointNames, type PointNames, type PointSettings } from './container.ts';
import { parseLedger, type Calibration, type PointEntry } from './point-log.ts';

/** Longest time from the API call to the fault being in force; a machine that is starved needs most of it for twenty containers. */
const startTimeoutMs = 90_000;
/** Beyond draining: for the ledger to be printed. */
const endTimeoutMs = 15_000;

/** What a fault point did, from its own log. */
export interface PointResult {
  pod: PodRef;
  onsetMs: number;
  startedAt: number;
  endedAt: number;
  undone: boolean;
  measured: Record<string, number | string>;
  entries: PointEntry[];
  calibration: Calibration;
  problems: string[];
}

export interface PointOptions {
  kube: KubeClient;
  pod: PodRef;
  settings: PointSettings;
  signal: AbortSignal;
}

/** A fault proxy behind the sidecar of one pod: an ephemeral container with its guard. */
export class FaultPoint {
  readonly pod: PodRef;
  private readonly kube: KubeClient;
  private readonly settings: PointSettings;
  private readonly names: PointNames;
  private readonly signal: AbortSignal;
  private patchedAt: number | undefined;
  private active: LogEvent | undefined;
  private oldConnectionsLeft = 0;
  private result: Promise<PointResult> | undefined;

  constructor(options: PointOptions) {
    this.pod = options.pod;
    this.kube = options.kube;
    this.settings = options.settings;
    this.names = pointNames(options.settings.id);
    this.signal = options.signal;
  }

  /** In force when it resolves. @throws MeshproofError MESHPROOF_FAULT_START with what the container or the script said. */
  async start(): Promise<void> {
    this.patchedAt = systemClock.now();
    await this.kube.patch(
      `${this.path()}/ephemeralcontainers`,
      // The uid makes the API server refuse a pod that was replaced under the same name.
      { metadata: { uid: this.pod.uid }, spec: { ephemeralContainers: pointContainers(this.settings) } },
      'strategic',
    );
    this.active = await pollUntil(() => this.lookActive(), {
      what: `fault point in pod ${this.pod.name}`,
      timeoutMs: startTimeoutMs,
      intervalMs: 50,
      signal: this.signal,
      code: 'MESHPROOF_FAULT_START',
      hint: 'See the events of the pod and the log of its ephemeral container.',
    });
    const left = Number(this.active.fields['old-connections-left']);
    if (left > 0) this.oldConnectionsLeft = left;
  }

  /** Takes it out and reads what it saw; every call gives the same result. Succeeds when the pod is gone. */
  end(): Promise<PointResult> {
    this.result ??= this.takeOut();
    return this.result;
  }

  private path(): string {
    return `/api/v1/namespaces/${this.pod.namespace}/pods/${this.pod.name}`;
  }

  private async log(container: string): Promise<string> {
    return await this.kube.getText(`${this.path()}/log?container=${container}&timestamps=true`);
  }

  private async lookActive(): Promise<Look<LogEvent>> {
    const pod = await this.kube.get(this.path());
    for (const name of [this.names.guard, this.names.point]) {
      const waiting = statusOf(pod, name)?.state?.waiting;
      if (waiting && /Err|Invalid|BackOff|CreateContainer/.test(waiting.reason ?? '')) {
        throw this.startError(`container ${name}: ${waiting.reason}: ${waiting.message ?? ''}`);
      }
    }
    const log = await this.log(this.names.point).catch((error: unknown) => messageOf(error));
    const events = logEvents(log);
    const failed = events.find((event) => event.event === 'failed');
    if (failed?.fields['reason'] === 'port-in-use') throw this.startError('another fault point is in this pod already');
    if (failed) throw this.startError(log.slice(-600));
    const active = events.find((event) => event.event === 'active');
    if (active) return { ready: active };
    const ended = statusOf(pod, this.names.point)?.state?.terminated;
    if (ended) throw this.startError(`the container ended (${ended.reason}): ${log.slice(-600)}`);
    return { pending: 'its container has not said that the fault is in force' };
  }

  private startError(why: string): MeshproofError {
    return new MeshproofError(
      'MESHPROOF_FAULT_START',
      `the fault point in pod ${this.pod.name} did not start: ${why.trim()}`,
      'The node must allow ephemeral containers with NET_ADMIN, and hold the image; `meshproof doctor` checks both.',
    );
  }

  private async takeOut(): Promise<PointResult> {
    const base = {
      pod: this.pod,
      onsetMs: 0,
      startedAt: 0,
      endedAt: systemClock.now(),
      measured: {},
      entries: [],
      calibration: { off: [], on: [] },
    };
    if (this.patchedAt === undefined) return { ...base, undone: true, problems: ['the fault was never started'] };
    if (await this.gone()) {
      return {
        ...base,
        ...this.onset(),
        undone: true,
        problems: [`pod ${this.pod.name} went away while the fault was on: its ledger is lost`],
      };
    }
    if (!this.active) return await this.takeOutUnstarted(base);
    await this.ask(this.names.point, 'point');
    const point = await pollUntil(() => this.lookEnded(), {
      what: `end of the fault point in pod ${this.pod.name}`,
      timeoutMs: this.settings.drainMs + endTimeoutMs,
      intervalMs: 50,
    }).catch(async (error: unknown) => ({
      log: await this.log(this.names.point).catch(() => ''),
      problem: messageOf(error),
    }));
    // The guard has the last word, and takes out what the point did not.
    await this.ask(this.names.guard, 'guard');
    return this.read({ point: point.log, guard: await this.guardLog(), problem: point.problem });
  }

  /** The guard would wait for its deadline: it has never seen the proxy. One that starts after this finds that it is too late. */
  private async takeOutUnstarted(base: Omit<PointResult, 'undone' | 'problems'>): Promise<PointResult> {
    const problems = [`${this.pod.name}: the fault was never in force`];
    const running = statusOf(await this.kube.get(this.path()), this.names.guard)?.state;
    if (running?.waiting) return { ...base, undone: true, problems };
    await this.ask(this.names.point, 'point');
    await this.ask(this.names.guard, 'guard');
    const guard = logEvents(await this.guardLog()).find((event) => event.event === 'guard-done');
    return { ...base, undone: guard?.fields['undone'] === 'yes', problems };
  }

  /** Asks the first process of a container to end; one that has ended already is fine. */
  private async ask(container: string, role: 'point' | 'guard'): Promise<void> {
    const argv = ['busybox', 'sh', '-c', `kill -TERM $(cat ${pointDir}/${role}.pid)`];
    await this.kube.exec(this.pod, argv, { container, timeoutMs: 5000 }).catch(() => undefined);
  }

  private async gone(): Promise<boolean> {
    try {
      const pod = await this.kube.get(this.path());
      return pod.metadata.uid !== this.pod.uid;
    } catch (error) {
      if (isHttpStatus(error, 404)) return true;
      throw error;
    }
  }

  private async lookEnded(): Promise<Look<{ log: string; problem?: string }>> {
    // An API server that fails for a moment must not end an undo.
    const log = await this.log(this.names.point).catch(() => '');
    if (readLogBlock(log, 'ledger') !== undefined) return { ready: { log } };
    if (await this.terminated().catch(() => false))
      return { ready: { log: await this.log(this.names.point).catch(() => log), problem: 'its ledger is lost' } };
    return { pending: 'its ledger is not there yet' };
  }

  private async terminated(): Promise<boolean> {
    return statusOf(await this.kube.get(this.path()), this.names.point)?.state?.terminated !== undefined;
  }

  private async guardLog(): Promise<string> {
    const look = async (): Promise<Look<string>> => {
      const log = await this.log(this.names.guard).catch(() => '');
      const done = logEvents(log).some((event) => event.event === 'guard-done');
      return done ? { ready: log } : { pending: 'its guard has not ended' };
    };
    return await pollUntil(look, { what: `guard in pod ${this.pod.name}`, timeoutMs: 5000 }).catch(() => '');
  }

  private onset(): { onsetMs: number; startedAt: number } {
    const startedAt = this.active?.at ?? 0;
    return { startedAt, onsetMs: Math.max(0, startedAt - (this.patchedAt ?? startedAt)) };
  }

  private read(logs: { point: string; guard: string; problem?: string }): PointResult {
    const name = this.pod.name;
    const problems = logs.problem === undefined ? [] : [`${name}: ${logs.problem}`];
    const ended = logEvents(logs.point).find((event) => event.event === 'ended');
    const guard = logEvents(logs.guard).find((event) => event.event === 'guard-done');
    const reason = ended?.fields['reason'] ?? 'container-died';
    if (reason === 'deadman') problems.push(`${name}: the dead-man timer ended the fault before it was undone`);
    if (reason === 'proxy-died') problems.push(`${name}: the fault proxy died while the fault was on`);
    if (reason === 'container-died') problems.push(`${name}: the fault point's container died while the fault was on`);
    if (reason === 'asked' && ended?.fields['rule-found'] === 'no')
      problems.push(`${name}: the iptables rule was gone before the fault was undone`);
    if (this.oldConnectionsLeft > 0) {
      problems.push(
        `${name}: ${this.oldConnectionsLeft} connections from before the rule could not be ended (no INET_DIAG_DESTROY?): they escape the fault`,
      );
    }
    const undone = guard?.fields['undone'] === 'yes' && guard.fields['nat-before'] === guard.fields['nat-after'];
    if (!undone) problems.push(`${name}: the nat rules are not as they were before the fault`);
    const { entries, calibration, marks } = parseLedger(readLogBlock(logs.point, 'ledger') ?? '', name);
    const seen = this.onset();
    const startedAt = marks.start ?? seen.startedAt;
    // A proxy that died could not mark its end.
    const endedAt = marks.end ?? ended?.at ?? guard?.at ?? systemClock.now();
    return {
      pod: this.pod,
      onsetMs: Math.max(0, seen.onsetMs - (seen.startedAt - startedAt)),
      startedAt,
      endedAt,
      undone,
      measured: { endedBy: reason, oldConnectionsEnded: Number(this.active?.fields['old-connections-ended'] ?? 0) },
      // Before and after, the proxy passed requests on with the fault switched off.
      entries: entries.filter((entry) => entry.startedAt > startedAt && entry.startedAt < endedAt),
      calibration,
      problems,
    };
  }
}

interface ContainerStatus {
  name: string;
  state?: {
    waiting?: { reason?: string; message?: string };
    running?: object;
    terminated?: { reason?: string; exitCode?: number };
  };
}

/** Status of an ephemeral container; undefined before the kubelet has one. */
export function statusOf(pod: KubeObject, container: string): ContainerStatus | undefined {
  const statuses = (pod['status']?.ephemeralContainerStatuses ?? []) as ContainerStatus[];
  return statuses.find((status) => status.name === container);
}
