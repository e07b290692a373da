import { systemClock, type Clock } from '../../../base/clock.ts';
import { MeshproofError, messageOf } from '../../../base/errors.ts';
import { pollUntil, type Look } from '../../../base/poll.ts';
import { isHttpStatus } from '../../../kube/kube-api-error.ts';
import type { LogEvent } from '../../../kube/log-events.ts';
import { containerTrouble } from '../../../kube/pod-status.ts';
import type { KubeClient, PodRef } from '../../../kube/types.ts';
import { pointContainers, pointNames, type PointSettings } from './container.ts';
import { PodGone, PointAccess, type PointContainers, type Role } from './point-access.ts';
import type { Ledger } from './point-log.ts';
import { emptyResult, isUndone, pointResult, type Ending, type PointResult } from './point-result.ts';

export type { PointResult } from './point-result.ts';

/** From the API call; a machine that is starved needs most of it for twenty containers. */
const armTimeoutMs = 90_000;
const goTimeoutMs = 30_000;
/** From the point being armed to the word to go: those who start together wait for the slowest of them. */
const goWithinMs = 150_000;
/** Taking the rule out takes some tens of ms: the rest is for an API server that fails, or a machine that is starved. */
const stopTimeoutMs = 15_000;
const guardTimeoutMs = 12_000;
/** Beyond draining: for the ledger to be collected. */
const ledgerTimeoutMs = 22_000;
const intervalMs = 100;

export interface PointOptions {
  kube: KubeClient;
  pod: PodRef;
  settings: Omit<PointSettings, 'goWithinMs'>;
  signal: AbortSignal;
  clock?: Clock | undefined;
}

/** How the point's container ended, or why there is nothing to end. */
type Stopped = { state: 'not-placed' | 'not-started' | 'died' } | { state: 'ended'; event: LogEvent };

/** A fault proxy behind the sidecar of one pod: an ephemeral container with its guard. */
export class FaultPoint {
  readonly pod: PodRef;
  #isOut = (): void => {};
  /** Resolves when it has said, asked to end, that its rule is gone; never, when it could not say so. */
  readonly out = new Promise<void>((resolve) => (this.#isOut = resolve));
  readonly #kube: KubeClient;
  readonly #settings: Omit<PointSettings, 'goWithinMs'>;
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  readonly #access: PointAccess;
  #begun = false;
  /** Epoch ms of the first word to go; it may have reached it. */
  #toldAt: number | undefined;
  #active: LogEvent | undefined;
  #ledger: Ledger | undefined;
  #ending: Promise<PointResult> | undefined;
  #last: { result: PointResult; settled: boolean } | undefined;

  constructor({ kube, pod, settings, signal, clock = systemClock }: PointOptions) {
    this.pod = pod;
    this.#kube = kube;
    this.#settings = settings;
    this.#signal = signal;
    this.#clock = clock;
    this.#access = new PointAccess({ kube, pod, names: pointNames(settings.id), clock });
  }

  /**
   * Puts it into the pod. When it resolves all is in place, nothing is changed yet, and it waits for the word to go: a minute or two.
   *
   * @throws MeshproofError MESHPROOF_FAULT_START with what the container or the script said
   */
  async arm(): Promise<void> {
    this.#begun = true;
    const containers = pointContainers({ ...this.#settings, goWithinMs });
    let patched = false;
    await this.#wait(armTimeoutMs, async () => {
      if (!patched) {
        await this.#kube.patch(
          `${this.#access.path}/ephemeralcontainers`,
          // The uid makes the API server refuse a pod that was replaced under the same name.
          { metadata: { uid: this.pod.uid }, spec: { ephemeralContainers: containers } },
          'strategic',
        );
        patched = true;
      }
      const events = await this.#said();
      return events.has('armed') ? { ready: true } : { pending: 'its container has not said that it is armed' };
    });
  }

  /** In force when it resolves. @throws MeshproofError MESHPROOF_FAULT_START, as `arm` does */
  async go(): Promise<void> {
    this.#active = await this.#wait(goTimeoutMs, async () => {
      const active = (await this.#said()).get('active');
      if (active) return { ready: active };
      this.#toldAt ??= this.#clock.now();
      const why = await this.#access.go();
      return { pending: why === undefined ? 'it was told to go' : `it could not be told to go: ${why}` };
    });
  }

  async #wait<T>(timeoutMs: number, look: () => Promise<Look<T>>): Promise<T> {
    try {
      return await pollUntil(look, {
        what: `fault point in pod ${this.pod.name}`,
        timeoutMs,
        intervalMs: 50,
        signal: this.#signal,
        clock: this.#clock,
        code: 'MESHPROOF_FAULT_START',
        hint: 'See the events of the pod and the log of its ephemeral container.',
      });
    } catch (error) {
      throw error instanceof PodGone ? this.#startError(error.message) : error;
    }
  }

  /**
   * Takes it out and reads what it saw. An attempt goes on through failures of the API server until its time is over;
   * one that did not get to the end is not the last word: the next call tries again. Succeeds when the pod is gone.
   */
  async end(): Promise<PointResult> {
    if (this.#last?.settled) return this.#last.result;
    this.#ending ??= this.#takeOut().finally(() => (this.#ending = undefined));
    return await this.#ending;
  }

  /** What the last attempt to end it gave; the first one is made now if there was none. */
  async result(): Promise<PointResult> {
    return this.#ending ?? this.#last?.result ?? (await this.end());
  }

  /** What it has said so far, by the event's name. @throws what keeps it from coming into force */
  async #said(): Promise<Map<string, LogEvent>> {
    const { guard, point } = await this.#access.containers();
    for (const status of [guard, point]) {
      const trouble = status && containerTrouble(status);
      if (trouble) throw this.#startError(trouble.reason);
    }
    const { text, events } = await this.#access.log('point');
    const said = new Map(events.map((event) => [event.event, event]));
    const failed = said.get('failed');
    if (failed?.fields['reason'] === 'port-in-use')
      throw this.#startError('another fault point is in this pod already');
    if (failed) throw this.#startError(text.slice(-600));
    const ended = point?.state?.terminated;
    if (ended && !said.has('active'))
      throw this.#startError(`the container ended (${ended.reason}): ${text.slice(-600)}`);
    return said;
  }

  #startError(why: string): MeshproofError {
    return new MeshproofError(
      'MESHPROOF_FAULT_START',
      `the fault point in pod ${this.pod.name} did not start: ${why.trim()}`,
      'The node must allow ephemeral containers with NET_ADMIN, and hold the image; `meshproof doctor` checks both.',
    );
  }

  async #takeOut(): Promise<PointResult> {
    const problems: string[] = [];
    const { result, settled } = await this.#end(problems).catch((error: unknown) => {
      if (!(error instanceof PodGone)) throw error;
      const why = `pod ${this.pod.name} went away while the fault was on: its ledger is lost`;
      return { result: this.#empty(true, [why]), settled: true };
    });
    this.#last = { result, settled };
    return result;
  }

  async #end(problems: string[]): Promise<{ result: PointResult; settled: boolean }> {
    const { name } = this.pod;
    if (!this.#begun) {
      return { result: this.#empty(true, ['the fault was never started']), settled: true };
    }
    const wait = async <T>(what: string, timeoutMs: number, look: () => Promise<Look<T>>): Promise<T | undefined> => {
      try {
        return await pollUntil(look, { what, timeoutMs, intervalMs, clock: this.#clock });
      } catch (error) {
        // What was done so far stands, and the guard may still do what the point did not.
        if (error instanceof PodGone) throw error;
        problems.push(messageOf(error));
        return undefined;
      }
    };
    const stopped = await wait('end of the fault', stopTimeoutMs, () => this.#lookStopped());
    if (stopped?.state === 'not-placed') {
      return { result: this.#empty(true, [`${name}: the fault was never in force`]), settled: true };
    }
    const ended = stopped?.state === 'ended' ? stopped.event : undefined;
    if (ended?.fields['undone'] === 'yes') this.#isOut();
    const guard = await wait('its guard', guardTimeoutMs, () => this.#lookGuard());
    let collected = true;
    if (ended) {
      const collect = { what: 'its ledger', timeoutMs: this.#settings.drainMs + ledgerTimeoutMs };
      collected = (await wait(collect.what, collect.timeoutMs, () => this.#lookLedger())) !== undefined;
    }
    const ending: Ending = { ended, guard, ledger: this.#ledger, problems };
    const now = this.#clock.now();
    const result = this.#beginning
      ? pointResult(this.pod, this.#beginning, ending, now)
      : this.#empty(
          isUndone(ending, (problem) => problems.push(problem)),
          [`${name}: the fault was never in force`, ...problems.map((problem) => `${name}: ${problem}`)],
        );
    return { result, settled: result.undone && stopped !== undefined && collected };
  }

  get #beginning() {
    if (this.#toldAt === undefined || this.#active === undefined) return undefined;
    return { toldAt: this.#toldAt, active: this.#active };
  }

  #empty(undone: boolean, problems: string[]): PointResult {
    return emptyResult(this.pod, { undone, endedAt: this.#clock.now(), problems, beginning: this.#beginning });
  }

  async #lookStopped(): Promise<Look<Stopped>> {
    const containers = await this.#access.containers();
    if (!containers.placed) return { ready: { state: 'not-placed' } };
    return await this.#lookEnd<Stopped>('point', 'ended', containers, {
      said: (event) => ({ state: 'ended', event }),
      silent: { state: 'died' },
      neverStarted: { state: 'not-started' },
    });
  }

  async #lookGuard(): Promise<Look<LogEvent | 'lost'>> {
    const nothingToUndo = { event: 'guard-done', at: undefined, fields: { undone: 'yes' } };
    return await this.#lookEnd<LogEvent | 'lost'>('guard', 'guard-done', await this.#access.containers(), {
      said: (event) => event,
      silent: 'lost',
      neverStarted: nothingToUndo,
    });
  }

  /**
   * Asks a container to end, until it has said so, has ended without a word, or cannot do anything when it starts.
   *
   * @param containers seen before the log is read: of a container that has ended the log is complete
   */
  async #lookEnd<T>(
    role: Role,
    lastWord: string,
    containers: PointContainers,
    found: { said: (event: LogEvent) => T; silent: T; neverStarted: T },
  ): Promise<Look<T>> {
    const status = containers[role];
    const { text, events } = await this.#access.log(role);
    const event = events.find((one) => one.event === lastWord);
    if (event) return { ready: found.said(event) };
    if (status?.state?.terminated) return { ready: found.silent };
    // The kubelet tells of a start up to a second late; a log is proof of it.
    if (status?.state?.running || text !== '') return { pending: `its ${role}: ${await this.#access.ask(role)}` };
    // One that starts later waits in vain for the word to go, and ends.
    if (this.#toldAt === undefined) return { ready: found.neverStarted };
    return { pending: `its ${role} has neither a log nor a state` };
  }

  /** Collects the ledger and lets the container go. */
  async #lookLedger(): Promise<Look<true>> {
    const { point } = await this.#access.containers();
    if (point?.state?.terminated) return { ready: true };
    const { events } = await this.#access.log('point');
    if (!events.some((event) => event.event === 'ledger')) return { pending: 'requests under way are answered' };
    try {
      if (this.#active) this.#ledger ??= await this.#access.ledger();
    } catch (error) {
      // It may have ended since the look at its status.
      if (isHttpStatus(error, 400) || isHttpStatus(error, 404)) return { pending: messageOf(error) };
      throw error;
    }
    const why = await this.#access.release();
    return why === undefined ? { ready: true } : { pending: `it could not be told that its ledger is here: ${why}` };
  }
}
