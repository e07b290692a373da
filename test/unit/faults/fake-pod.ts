import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Clock } from '../../../src/base/clock.ts';
import { MeshproofError } from '../../../src/base/errors.ts';
import { FaultPoint } from '../../../src/faults/injectors/point/fault-point.ts';
import { KubeApiError } from '../../../src/kube/kube-api-error.ts';
import type { ContainerStatus } from '../../../src/kube/pod-status.ts';
import type { ExecOptions, ExecResult, KubeClient, KubeObject, PodRef } from '../../../src/kube/types.ts';

/** The calls that a fault point makes of an API server, by what they are for. */
export const steps = [
  'patch',
  'pod',
  'log of point',
  'log of guard',
  'go',
  'ask point',
  'ask guard',
  'ledger',
  'clock',
  'release',
] as const;
export type Step = (typeof steps)[number];
export type Trouble = 500 | 404 | 'hang';

const startedAt = Date.parse('2026-05-01T12:00:00Z');
const ledger =
  [
    { id: 'meshproof-mark-start', start: '1777636800.100' },
    { id: 'r-1', start: '1777636801.000', status: 503, flags: 'FI', path: '/api/trips' },
    { id: 'meshproof-mark-end', start: '1777636809.000' },
  ]
    .map((line) => `${JSON.stringify({ ms: 1, heldUs: null, status: 200, flags: '-', path: '/', ...line })}\n`)
    .join('') + '{"id":"half a li';

type Role = 'point' | 'guard';

/** Armed, and told to go at once. */
export async function start(point: FaultPoint): Promise<void> {
  await point.arm();
  await point.go();
}

/** A pod with a fault point as its scripts behave, behind an API server that fails as told. Sleeps pass at once. */
export class FakePod {
  readonly ref: PodRef = { namespace: 'n', name: 'trips-a', uid: 'u', ip: '10.0.0.1', node: 'x' };
  readonly calls: Step[] = [];
  ruleInForce = false;
  /** Of the pod's clock, before ours. */
  clockAheadMs = 0;
  /** Its containers start when they are put in; otherwise when `startContainers` is called. */
  startsAtOnce = true;
  deleted = false;
  placed = false;
  /** An answer of 500 may hide that the call was carried out. */
  carriesOutFailedCalls = false;
  onSleep: () => void = () => {};
  readonly #troubles = new Map<Step, { trouble: Trouble; times: number }>();
  readonly #containers = new Map<Role, { log: string; state: NonNullable<ContainerStatus['state']> }>();
  #now = startedAt;

  readonly clock: Clock = {
    now: () => this.#now,
    monotonicMs: () => this.#now,
    sleep: async (ms) => {
      this.#now += ms;
      this.onSleep();
    },
  };

  fail(step: Step, trouble: Trouble, times: number): void {
    this.#troubles.set(step, { trouble, times });
  }

  heal(): void {
    this.#troubles.clear();
  }

  point(): FaultPoint {
    return new FaultPoint({
      kube: this.#kube() as KubeClient,
      pod: this.ref,
      signal: new AbortController().signal,
      clock: this.clock,
      settings: {
        id: 'x',
        image: 'envoy',
        appPort: 8080,
        appPath: { sidecarUid: 1337, outInterface: 'lo' },
        podIp: '10.0.0.1',
        deadManMs: 60_000,
        drainMs: 1000,
        ledgerKeptMs: 60_000,
        envoyConfig: {},
      },
    });
  }

  startContainers(): void {
    for (const role of ['guard', 'point'] as const) this.#containers.set(role, { log: '', state: { running: {} } });
    this.#say('guard', 'guard-armed nat=1');
    this.#say('point', 'armed');
  }

  #go(): void {
    if (this.#containers.get('point')?.log.includes('meshproof active')) return;
    this.ruleInForce = true;
    this.#say('point', 'active old-connections-ended=2 old-connections-left=0');
  }

  /** What the out-of-memory killer does. */
  kill(role: Role): void {
    const container = this.#containers.get(role);
    if (container) container.state = { terminated: { exitCode: 137, reason: 'OOMKilled' } };
  }

  running(): Role[] {
    return [...this.#containers].filter(([, { state }]) => state.running).map(([role]) => role);
  }

  #say(role: Role, text: string): void {
    const container = this.#containers.get(role);
    if (container) container.log += `${new Date(this.#now).toISOString()} meshproof ${text}\n`;
  }

  #stopPoint(): void {
    const found = this.ruleInForce ? 'yes' : 'no';
    if (this.#containers.get('point')?.log.includes('meshproof ended')) return;
    this.ruleInForce = false;
    this.#say('point', `ended reason=asked rule-found=${found} undone=yes`);
    // The script stays for its ledger only if there is one.
    if (this.#containers.get('point')?.log.includes('meshproof active')) this.#say('point', 'ledger lines=3');
    else this.#end('point');
  }

  #stopGuard(): void {
    const found = this.ruleInForce ? 'yes' : 'no';
    this.ruleInForce = false;
    this.#say('guard', `guard-done reason=asked rule-found=${found} undone=yes nat-before=1 nat-after=1`);
    this.#end('guard');
  }

  async #tellTime({ stdin, stdout }: ExecOptions = {}): Promise<ExecResult> {
    for await (const question of stdin as AsyncIterable<string>) {
      stdout?.write(`${((this.#now + this.clockAheadMs) / 1000).toFixed(4)}${question}`);
    }
    return { stdout: '', stderr: '', exitCode: 0 };
  }

  #end(role: Role): void {
    this.#containers.get(role)!.state = { terminated: { exitCode: 0 } };
  }

  async #call<T>(step: Step, timeoutMs: number | undefined, work: () => T): Promise<T> {
    this.calls.push(step);
    const found = this.#troubles.get(step);
    if (this.deleted) throw apiError(step, 404);
    if (!found || found.times <= 0) return work();
    found.times--;
    if (this.carriesOutFailedCalls) work();
    if (found.trouble !== 'hang') throw apiError(step, found.trouble);
    if (timeoutMs === undefined) throw new Error(`${step} would hang for ever`);
    this.#now += timeoutMs;
    throw new MeshproofError('MESHPROOF_KUBE_TIMEOUT', `${step}: no answer`, '', { retryable: true });
  }

  #kube(): Partial<KubeClient> {
    const statusOf = (role: Role): ContainerStatus[] => {
      const container = this.#containers.get(role);
      const state = container?.state ?? { waiting: { reason: 'ContainerCreating' } };
      return [{ name: `meshproof-${role === 'point' ? 'fault' : 'guard'}-x`, ready: false, restartCount: 0, state }];
    };
    const pod = (): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: this.ref.name, uid: this.ref.uid },
      spec: { ephemeralContainers: this.placed ? [{ name: 'meshproof-guard-x' }, { name: 'meshproof-fault-x' }] : [] },
      status: { ephemeralContainerStatuses: this.placed ? [...statusOf('guard'), ...statusOf('point')] : [] },
    });
    const get = (_path: string, options?: { timeoutMs?: number | undefined }): Promise<KubeObject> =>
      this.#call('pod', options?.timeoutMs, pod);
    return {
      get: get as KubeClient['get'],
      getText: (path, options) => {
        const role = path.includes('meshproof-guard') ? 'guard' : 'point';
        return this.#call(`log of ${role}`, options?.timeoutMs, () => {
          const container = this.#containers.get(role);
          if (!container) throw apiError('log', 400);
          return container.log;
        });
      },
      patch: () =>
        this.#call('patch', 15_000, () => {
          if (!this.placed && this.startsAtOnce) this.startContainers();
          this.placed = true;
          return pod();
        }),
      exec: (_pod, argv, options): Promise<ExecResult> => {
        const command = argv.join(' ');
        const role = options?.container?.includes('guard') ? 'guard' : 'point';
        if (command.includes('date')) {
          return this.#call('clock', options?.timeoutMs, () => undefined).then(() => this.#tellTime(options));
        }
        const run = (step: Step, work: () => void, stderr = ''): Promise<ExecResult> =>
          this.#call(step, options?.timeoutMs, () => {
            if (!this.#containers.get(role)?.state.running) throw apiError(step, 500);
            work();
            return { stdout: '', stderr, exitCode: 0 };
          });
        if (command.includes('/go')) return run('go', () => this.#go());
        if (command.includes('-USR1')) return run('ask point', () => this.#stopPoint());
        if (command.includes('-TERM')) return run('ask guard', () => this.#stopGuard());
        if (command.includes('collected')) return run('release', () => this.#end('point'));
        const hash = createHash('sha256').update(ledger).digest('hex');
        return run('ledger', () => options?.stdout?.write(gzipSync(ledger)), `${hash}  ledger.ndjson\n`);
      },
    };
  }
}

function apiError(call: string, httpStatus: number): KubeApiError {
  return new KubeApiError({ call, httpStatus, reason: `HTTP${httpStatus}`, message: 'as told' });
}
