import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App, AppService, RunningApp } from '../../../src/apps/app.ts';
import type { Clock } from '../../../src/base/clock.ts';
import { silentProgress } from '../../../src/base/progress.ts';
import type { ArmSpec } from '../../../src/claims/arm.ts';
import type { RunContext } from '../../../src/claims/context.ts';
import { defineClaim, type ClaimEntry, type ScenarioBase } from '../../../src/claims/define-claim.ts';
import { openEvidence } from '../../../src/evidence/store.ts';
import type { PodRef } from '../../../src/kube/types.ts';
import type { LoadResult, LoadSpec } from '../../../src/load/load.ts';
import { Engine, type Means } from '../../../src/run/engine.ts';
import { openEvents, type StampedEvent } from '../../../src/run/events.ts';
import { Rollback } from '../../../src/run/rollback.ts';
import type { PlannedTrial } from '../../../src/run/trials.ts';

/** What a fake lab does, in the order in which it does it. Each is a step that can be told to throw or to hang. */
export const steps = [
  'prepare',
  'policies',
  'load pods',
  'captures',
  'fresh',
  'look 1',
  'arm fault',
  'start load',
  'fault',
  'look 2',
  'look 3',
  'finish load',
  'look 4',
  'finish captures',
] as const;
export type Step = (typeof steps)[number];

export interface FakeLab extends AsyncDisposable {
  engine: Engine;
  rollback: Rollback;
  /** @param rounds how often its arms are run, by turns */
  trial(id: string, rounds?: number): PlannedTrial;
  /** What is there and would be left behind: `policies`, `load of a`, `captures of a`, `fault at a`. */
  inForce: Set<string>;
  /** What the claims were given: the loads of each round of the control, then of the treatment. */
  judgedRounds: string[][];
  /** Everything that was done, in order. */
  done: string[];
  /** What load was asked for, in order. */
  loads: LoadSpec[];
  events: StampedEvent[];
  abort: AbortController;
}

type Trouble = { step: Step; how: 'throws' | 'hangs' | 'takes long'; trial?: string };

const pod = (name: string): PodRef => ({ namespace: 'shop', name, uid: name, ip: '10.0.0.1', node: 'n' });

/** Sleeping makes time pass at once. */
function quickClock(): Clock {
  let skew = 0;
  return {
    now: () => Date.now() + skew,
    monotonicMs: () => performance.now() + skew,
    sleep: async (ms, signal) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      signal?.throwIfAborted();
      skew += ms;
    },
  };
}

interface FakeLabOptions {
  /** Of the time that tasks waited for a CPU, arm by arm; calm after the last. */
  waiting?: number[];
  /** What the claim judges; nothing by default, which is no conclusion. */
  judge?: ClaimEntry['judge'];
}

/** A lab without a cluster: every means of the engine is a few lines that note what they did. */
export async function fakeLab(trouble?: Trouble, { waiting = [], judge }: FakeLabOptions = {}): Promise<FakeLab> {
  const waits = [...waiting];
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-fake-'));
  const abort = new AbortController();
  const clock = quickClock();
  const inForce = new Set<string>();
  const done: string[] = [];
  const step = async (name: Step, trial = ''): Promise<void> => {
    done.push(`${name} ${trial}`.trim());
    if (trouble?.step !== name || (trouble.trial !== undefined && trial !== '' && trouble.trial !== trial)) return;
    if (trouble.how === 'throws') throw new Error(`${name} broke`);
    if (trouble.how === 'takes long') {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return;
    }
    // As real waits do: until the run is interrupted.
    await new Promise((_, reject) => {
      const stop = (): void => reject(abort.signal.reason as Error);
      if (abort.signal.aborted) stop();
      else abort.signal.addEventListener('abort', stop, { once: true });
    });
  };
  const here = (what: string) => {
    inForce.add(what);
    return async (): Promise<void> => {
      if (inForce.delete(what)) done.push(`undo ${what}`);
    };
  };
  const looks = new Map<string, number>();
  const loads: LoadSpec[] = [];
  const means: Means = {
    async prepareLoad(spec) {
      const name = spec.targets[0]?.name ?? '';
      loads.push(spec);
      const remove = here(`load of ${name}`);
      try {
        await step('load pods', name);
      } catch (error) {
        await remove();
        throw error;
      }
      const result: LoadResult = { samples: [], exitCode: 0, droppedIterations: 0, summary: '', problems: [] };
      return {
        pods: [pod(name)],
        clocks: [],
        keepPods: () => void done.push(`keep pods of ${name}`),
        start: async () => {
          await step('start load', name);
          return {
            startedAt: clock.now(),
            progress: () => Promise.resolve(0),
            finish: () => Promise.reject(new Error('an arm with a fault ends its load itself')),
            finishNow: async () => {
              await step('finish load', name);
              return result;
            },
            stop: () => Promise.resolve(),
          };
        },
        [Symbol.asyncDispose]: remove,
      };
    },
    async captureEdges({ clients }) {
      const name = clients[0]?.name ?? '';
      const remove = here(`captures of ${name}`);
      try {
        await step('captures', name);
      } catch (error) {
        await remove();
        throw error;
      }
      return {
        finish: async () => {
          await step('finish captures', name);
          await remove();
          return { captures: 'evidence/captures.json', pcap: () => 'evidence/x.pcap' };
        },
        [Symbol.asyncDispose]: remove,
      };
    },
    async proxySnapshots(watched) {
      const name = watched[0]?.pod.name ?? '';
      const count = (looks.get(name) ?? 0) + 1;
      looks.set(name, count > 3 ? 0 : count);
      await step(`look ${count}` as Step, name);
      return [];
    },
    appLook: () => Promise.resolve({ apps: [], usage: [], pods: {}, problems: [] }),
    startPressure: () => {
      const from = clock.now() - 1000;
      const waitingUs = (waits.shift() ?? 0) * 3_600_000_000;
      return Promise.resolve({
        stop: () =>
          Promise.resolve({
            cores: 1,
            sources: ['psi' as const],
            samples: [
              { at: from, waitingUs: 0 },
              { at: from + 3_600_000, waitingUs },
            ],
          }),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    },
    async startFault(spec, { rollback: registrar, onPrepared, mayBegin }) {
      const remove = here(`fault at ${spec.target}`);
      const handle = await registrar.record({
        what: `fault at ${spec.target}`,
        injector: 'fake',
        args: null,
        undo: remove,
      });
      try {
        await step('arm fault', spec.target);
        onPrepared?.();
        await mayBegin;
        await step('fault', spec.target);
      } catch (error) {
        await handle.run();
        throw error;
      }
      return {
        spec,
        pods: [],
        expected: { restarts: {}, replaced: [] },
        lift: () => handle.run(),
        undo: () => handle.run(),
        ledger: () => Promise.resolve([]),
        receipts: () => Promise.resolve([]),
      };
    },
  };
  const rollback = new Rollback({
    journal: join(folder, 'journal.ndjson'),
    injectors: {
      fake: () => Promise.resolve(),
      'mesh-policies': () => {
        if (inForce.delete('policies')) done.push('undo policies');
        return Promise.resolve();
      },
    },
  });
  const service = (name: string): AppService => ({
    name,
    port: 80,
    containerPort: 8080,
    protocol: 'http',
    selector: { app: name },
    container: name,
    account: name,
    call: { method: 'GET', path: '/', expectStatus: 200 },
    alsoCalls: [],
    plant: [],
    routes: [],
    calls: [],
  });
  const app: App = { id: 'shop', title: 'Shop', namespace: 'shop', services: ['a', 'b'].map(service), edges: [] };
  const running: RunningApp = {
    app,
    namespace: 'shop',
    meshed: true,
    pods: (name) => Promise.resolve([pod(name)]),
    answering: () => Promise.resolve(),
  };
  const context = {
    lab: {
      app: running,
      meshEntry: { title: 'Fake mesh', policies: {} },
      owned: true,
      images: {},
      kube: {},
      cluster: { provider: 'fake' },
      mesh: {
        appPath: () => ({ sidecarUid: 1, outInterface: 'lo' }),
        plan: () =>
          Promise.resolve({
            rendered: '',
            rollback: {},
            apply: async () => {
              here('policies');
              await step('policies');
            },
          }),
      },
    },
    evidence: await openEvidence(join(folder, 'report')),
    rollback,
    progress: silentProgress(),
    signal: abort.signal,
    clock,
    token: 'token',
  } as unknown as RunContext;
  const events: StampedEvent[] = [];
  const stream = openEvents(join(folder, 'events.ndjson'), clock);
  stream.subscribe((event) => events.push(event));
  const judgedRounds: FakeLab['judgedRounds'] = [];
  const claimOf = (rounds: number) =>
    defineClaim<ScenarioBase, undefined>({
      kind: 'fake',
      title: 'A claim of a unit test',
      experiment: { name: 'fake', title: '', fields: () => ({}) },
      requires: {},
      async arms({ id }) {
        await step('prepare', id);
        const arm = (name: 'control' | 'treatment'): ArmSpec => ({
          scenario: id,
          name,
          app: running,
          policies: [{ kind: 'timeout', service: id, timeoutMs: 0 }],
          load: {
            targets: [{ name: id, url: 'http://x' }],
            rps: 1,
            clients: 1,
            maxVUs: 1,
            requestTimeoutMs: 1000,
          },
          baselineMs: 0,
          recoveryMs: 0,
          timeline: [{ atMs: 0, forMs: 1, fault: { kind: 'http-abort', target: id, percentage: 100, status: 503 } }],
          watch: [],
          captures: { edges: [], fresh: () => step('fresh', id) },
        });
        return { control: arm('control'), treatment: arm('treatment'), rounds, seen: undefined };
      },
      async judge(judged) {
        judgedRounds.push(
          ...(['control', 'treatment'] as const).map((name) => judged.rounds[name].map(({ load }) => load)),
        );
        await judge?.(judged as never);
      },
    }) as unknown as ClaimEntry;
  return {
    engine: new Engine(context, stream, means),
    rollback,
    inForce,
    done,
    loads,
    events,
    abort,
    judgedRounds,
    trial: (id, rounds = 1) => ({
      claim: claimOf(rounds),
      trial: {
        id,
        title: id,
        scenario: { id, title: id, criterion: { id, title: id }, experiment: 'fake' },
        subject: { service: service(id) },
      },
    }),
    async [Symbol.asyncDispose]() {
      await stream.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
