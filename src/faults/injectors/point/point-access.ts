import type { Clock } from '../../../base/clock.ts';
import { messageOf } from '../../../base/errors.ts';
import { completeLines } from '../../../base/complete-lines.ts';
import { isRetryable } from '../../../base/retryable.ts';
import { aheadOf, measureClockOffset } from '../../../kube/clock-offset.ts';
import { isHttpStatus } from '../../../kube/kube-api-error.ts';
import { logEvents, type LogEvent } from '../../../kube/log-events.ts';
import { readPodFileOnce } from '../../../kube/pod-file.ts';
import { containerLog } from '../../../kube/pod-log.ts';
import { containerStatus, type ContainerStatus } from '../../../kube/pod-status.ts';
import type { KubeClient, KubeObject, PodRef } from '../../../kube/types.ts';
import { collectedPath, goPath, ledgerPath, pointDir, type PointNames } from './container.ts';
import { LedgerReader, type Ledger } from './point-log.ts';

export type Role = keyof PointNames;

/** One call that hangs must not use up the time of the undo. */
const callTimeoutMs = 6000;
const ledgerTimeoutMs = 10_000;
/** A signal that was sent is sent again after this: it may have met a process that did not listen yet. */
const askAgainMs = 2000;

/** TERM is the kubelet's word for a pod that is deleted: then the point does not wait for its ledger to be collected. */
const signals = { point: 'USR1', guard: 'TERM' } as const;

export interface PointContainers extends Record<Role, ContainerStatus | undefined> {
  /** They are part of the pod: an API server that failed may have put them in all the same. */
  placed: boolean;
}

/** The pod has gone, or another one has its name: everything in it went along. */
export class PodGone extends Error {}

/** What can be asked of the containers of a fault point. Every call throws PodGone, or what the API server said. */
export class PointAccess {
  readonly #kube: KubeClient;
  readonly #ref: PodRef;
  readonly #names: PointNames;
  readonly #clock: Clock;
  readonly #asked: Partial<Record<Role, number>> = {};

  constructor(options: { kube: KubeClient; pod: PodRef; names: PointNames; clock: Clock }) {
    this.#kube = options.kube;
    this.#ref = options.pod;
    this.#names = options.names;
    this.#clock = options.clock;
  }

  get path(): string {
    return `/api/v1/namespaces/${this.#ref.namespace}/pods/${this.#ref.name}`;
  }

  async containers(): Promise<PointContainers> {
    const pod = await this.#pod();
    const containers = (pod.spec?.ephemeralContainers ?? []) as { name: string }[];
    return {
      placed: containers.some(({ name }) => name === this.#names.point),
      point: containerStatus(pod, this.#names.point),
      guard: containerStatus(pod, this.#names.guard),
    };
  }

  /** Its log and the events in it; none before it has started. */
  async log(role: Role): Promise<{ text: string; events: LogEvent[] }> {
    const options = { timestamps: true, timeoutMs: callTimeoutMs };
    try {
      const text = await containerLog(this.#kube, this.#ref, this.#names[role], options);
      return { text, events: logEvents(text) };
    } catch (error) {
      if (!isHttpStatus(error, 404)) throw error;
      await this.#pod();
      return { text: '', events: [] };
    }
  }

  /** Asks the first process of a container to end. @returns how that went, in words: whether it ended is in its log */
  async ask(role: Role): Promise<string> {
    const asked = this.#asked[role];
    if (asked !== undefined && this.#clock.monotonicMs() - asked < askAgainMs) return 'it was asked to end';
    const why = await this.#run(role, `kill -${signals[role]} $(cat ${pointDir}/${role}.pid)`);
    if (why !== undefined) return `it could not be asked to end: ${why}`;
    this.#asked[role] = this.#clock.monotonicMs();
    return 'it was asked to end';
  }

  /** Lets the point come into force. @returns why not, if it could not be told */
  go(): Promise<string | undefined> {
    return this.#run('point', `: > ${goPath}`);
  }

  async ledger(): Promise<Ledger> {
    const file = { pod: this.#ref, container: this.#names.point, path: ledgerPath };
    const read = async (bytes: AsyncIterable<Buffer>): Promise<Ledger> => {
      const reader = new LedgerReader(this.#ref.name);
      // A proxy that was killed left half a line.
      for await (const line of completeLines(bytes)) reader.take(line);
      return reader.ledger;
    };
    const [ledger, offset] = await Promise.all([
      readPodFileOnce(this.#kube, file, read, { timeoutMs: ledgerTimeoutMs }),
      measureClockOffset(this.#kube, this.#ref, this.#names.point, { clock: this.#clock, timeoutMs: callTimeoutMs }),
    ]);
    return { ...ledger, clockAheadMs: aheadOf(offset) };
  }

  /** Lets the point end: its ledger was collected, or nobody wants it. @returns why not, if it could not be told */
  release(): Promise<string | undefined> {
    return this.#run('point', `: > ${collectedPath}`);
  }

  async #pod(): Promise<KubeObject> {
    try {
      const pod = await this.#kube.get(this.path, { timeoutMs: callTimeoutMs });
      if (pod.metadata.uid === this.#ref.uid) return pod;
    } catch (error) {
      if (!isHttpStatus(error, 404)) throw error;
    }
    throw new PodGone(`pod ${this.#ref.name} has gone`);
  }

  /** Why it did not work; a container that has just ended (400, 404) is looked at again like anything that may pass. */
  async #run(role: Role, command: string): Promise<string | undefined> {
    try {
      const options = { container: this.#names[role], timeoutMs: callTimeoutMs };
      const { exitCode, stderr } = await this.#kube.exec(this.#ref, ['busybox', 'sh', '-c', command], options);
      return exitCode === 0 ? undefined : stderr.trim() || `exit code ${exitCode}`;
    } catch (error) {
      if (isRetryable(error) || isHttpStatus(error, 400) || isHttpStatus(error, 404)) return messageOf(error);
      throw error;
    }
  }
}
