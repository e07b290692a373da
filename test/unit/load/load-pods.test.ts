import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { silentProgress } from '../../../src/base/progress.ts';
import { KubeApiError } from '../../../src/kube/kube-api-error.ts';
import type { ExecOptions, KubeClient, KubeObject } from '../../../src/kube/types.ts';
import type { LoadContext } from '../../../src/load/context.ts';
import { LoadPods } from '../../../src/load/load-pods.ts';
import { prepareLoad } from '../../../src/load/prepare-load.ts';
import type { LoadSpec } from '../../../src/load/load.ts';
import { Rollback } from '../../../src/run/rollback.ts';

const gone = (): KubeApiError =>
  new KubeApiError({ call: 'GET', httpStatus: 404, reason: 'NotFound', message: 'gone' });
const nameOf = (path: string): string => path.split(/[/=]|%3D/).at(-1)!;
const wanted = { client: 'loadgen', namespace: 'shop', count: 1 };

/** A cluster in which pods are ready at once, k6 sends 20 requests and ends well. */
async function fakeCluster() {
  const folder = await mkdtemp(join(tmpdir(), 'meshproof-pods-'));
  const objects = new Map<string, KubeObject>([
    ['default', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } }],
  ]);
  const made: string[] = [];
  const logs = new Map<string, string>();
  const trouble = { notReady: false, exitCode: 0, clockAheadMs: 0 };
  let uid = 0;
  const kube = {
    get: async (path: string) => objects.get(nameOf(path)) ?? Promise.reject(gone()),
    getText: async (path: string) => logs.get(path.split('/').at(-2)!) ?? '',
    apply: async (all: KubeObject[]) => {
      for (const object of all) {
        const { name } = object.metadata;
        if (object.kind === 'Pod') made.push(name);
        objects.set(name, {
          ...object,
          metadata: { ...object.metadata, uid: `uid-${uid++}` },
          status: trouble.notReady
            ? { phase: 'Failed', reason: 'Evicted' }
            : {
                phase: 'Running',
                podIP: '10.0.0.1',
                conditions: [{ type: 'Ready', status: 'True' }],
                containerStatuses: [],
              },
        });
      }
    },
    follow: (path: string) => ({
      current: async () => [...objects.values()].filter(({ metadata }) => metadata.name === nameOf(path)),
      changed: () => new Promise(() => {}),
      [Symbol.dispose]: () => undefined,
    }),
    delete: async (path: string) => void objects.delete(nameOf(path)),
    exec: async ({ name }: { name: string }, argv: string[], { stdin, stdout }: ExecOptions) => {
      if (typeof stdin === 'object')
        for await (const question of stdin)
          stdout?.write(`${((Date.now() + trouble.clockAheadMs) / 1000).toFixed(6)}${question}`);
      const load = /echo (load-\w+) /.exec(argv.at(-1)!)?.[1];
      if (load === undefined) return { stdout: '', stderr: '', exitCode: 0 };
      logs.set(name, `${logs.get(name) ?? ''}meshproof exited load=${load} code=${trouble.exitCode}\n`);
      return { stdout: `start,${Date.now() + trouble.clockAheadMs}`, stderr: '', exitCode: 0 };
    },
  } as unknown as KubeClient;
  const journal = join(folder, 'journal.ndjson');
  const rollback = new Rollback({ journal, injectors: {} });
  const abort = new AbortController();
  const context = (inject: LoadContext['inject'] = (all) => all): LoadContext => ({
    kube,
    pods,
    images: { k6: { name: 'k6', ref: 'k6:1', digest: '' } },
    inject,
    progress: silentProgress(),
    signal: abort.signal,
    workDir: folder,
  });
  const pods = new LoadPods(rollback);
  return {
    pods,
    context,
    rollback,
    objects,
    made,
    trouble,
    abort,
    left: () => [...objects.keys()].filter((name) => name !== 'default').sort(),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

describe('load pods', () => {
  it('are used again, and go with everything else at the end, their account too', async () => {
    await using cluster = await fakeCluster();
    const { pods, context } = cluster;
    const [first] = await pods.take(wanted, context());
    pods.putBack(first!);
    const [again, second] = await pods.take({ ...wanted, count: 2 }, context());
    expect(again?.ref).to.deep.equal(first?.ref);
    expect(second?.ref.name).not.to.equal(first?.ref.name);
    pods.putBack(again!);
    expect(cluster.left()).to.have.members(['loadgen', ...cluster.made]);
    await cluster.rollback.runAll(5000);
    expect(cluster.left()).to.deep.equal([]);
    await pods.take(wanted, context());
    expect(cluster.left(), 'what is wanted after that has an account again').to.include('loadgen');
  });

  it('that wait are taken by one only', async () => {
    await using cluster = await fakeCluster();
    const { pods, context } = cluster;
    for (const pod of await pods.take({ ...wanted, count: 2 }, context())) pods.putBack(pod);
    const taken = (await Promise.all([1, 2, 3].map(() => pods.take(wanted, context())))).flat();
    expect(new Set(taken.map(({ ref }) => ref.uid)).size).to.equal(3);
    expect(cluster.made).to.have.length(3);
  });

  it('are no others’: another account, namespace, image or sidecar is another kind', async () => {
    await using cluster = await fakeCluster();
    const { pods, context } = cluster;
    const [pod] = await pods.take(wanted, context());
    const meshed = context((all) => all.map((one) => ({ ...one, spec: { ...one['spec'], initContainers: [{}] } })));
    const others = [
      [{ ...wanted, client: 'other' }, context()],
      [{ ...wanted, namespace: 'twin' }, context()],
      [wanted, { ...context(), images: { k6: { name: 'k6', ref: 'k6:2', digest: '' } } }],
      [wanted, meshed],
      [{ ...wanted, fresh: true }, context()],
    ] as const;
    for (const [other, where] of others) {
      pods.putBack(pod!);
      const [taken] = await pods.take(other, where);
      expect(taken?.ref.name).not.to.equal(pod?.ref.name);
    }
  });

  it('that are not what they were are removed, not used', async () => {
    await using cluster = await fakeCluster();
    const { pods, context, objects } = cluster;
    const changes: ((pod: KubeObject) => unknown)[] = [
      (pod) => (pod.metadata.uid = 'another'),
      (pod) => (pod.metadata.deletionTimestamp = 'now'),
      (pod) => (pod['status'].conditions[0].status = 'False'),
      (pod) => (pod['status'].containerStatuses = [{ name: 'k6', ready: true, restartCount: 1 }]),
      (pod) => objects.delete(pod.metadata.name),
    ];
    for (const change of changes) {
      const [pod] = await pods.take(wanted, context());
      pods.putBack(pod!);
      change(objects.get(pod!.ref.name)!);
      const [next] = await pods.take(wanted, context());
      expect(next?.ref.name).not.to.equal(pod?.ref.name);
      expect(objects.has(pod!.ref.name)).to.equal(false);
      await pods.remove(next!);
    }
  });

  it('that do not start leave nothing, and cost no kept one', async () => {
    await using cluster = await fakeCluster();
    const { pods, context, trouble } = cluster;
    const [pod] = await pods.take(wanted, context());
    pods.putBack(pod!);
    trouble.notReady = true;
    const error = await pods.take({ ...wanted, count: 2 }, context()).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'MESHPROOF_LOAD_START' });
    expect(cluster.left()).to.deep.equal(['loadgen', pod!.ref.name].sort());
    const [again] = await pods.take(wanted, context());
    expect(again?.ref).to.deep.equal(pod?.ref);
  });
});

describe('pods of a load', () => {
  const spec: LoadSpec = {
    client: 'loadgen',
    namespace: 'shop',
    targets: [{ name: 'cart', url: 'http://cart' }],
    rps: 10,
    durationMs: 1000,
    maxVUs: 5,
    requestTimeoutMs: 100,
  };
  type Prepared = Awaited<ReturnType<typeof prepareLoad>>;

  const stays: [string, (load: Prepared) => Promise<unknown>][] = [
    ['are kept when nothing was sent and all is well', async (load) => load.keepPods()],
  ];
  const goes: [string, (load: Prepared, cluster: Awaited<ReturnType<typeof fakeCluster>>) => Promise<unknown>][] = [
    ['are removed when nobody says that all went well', async () => undefined],
    ['are removed when the load is still under way', async (load) => void (await load.start(), load.keepPods())],
    [
      'are removed when the load had a problem',
      async (load, { objects }) => {
        const running = await load.start();
        objects.get(load.pods[0]!.name)!['status'].phase = 'Failed';
        expect((await running.finish()).problems).to.have.length.greaterThan(0);
        load.keepPods();
      },
    ],
    [
      'are removed after Ctrl-C',
      async (load, { abort }) => void (load.keepPods(), abort.abort(new Error('interrupted'))),
    ],
    [
      'are removed when the load was stopped',
      async (load) => void (await (await load.start()).stop(), load.keepPods()),
    ],
  ];
  for (const aheadMs of [0, 1500, -1500]) {
    it(`tell their start in our time, with a clock that is ${aheadMs} ms ahead`, async () => {
      await using cluster = await fakeCluster();
      cluster.trouble.clockAheadMs = aheadMs;
      await using load = await prepareLoad(spec, cluster.context());
      const [clock] = load.clocks;
      expect(clock?.aheadMs).to.be.closeTo(aheadMs, 20);
      expect(clock?.uncertaintyMs).to.be.greaterThan(0);
      const before = Date.now();
      const { startedAt } = await load.start();
      expect(startedAt).to.be.within(before - 25, Date.now() + 25);
    });
  }

  for (const [title, use] of [...stays, ...goes]) {
    it(title, async () => {
      await using cluster = await fakeCluster();
      {
        await using load = await prepareLoad(spec, cluster.context());
        await use(load, cluster);
      }
      expect(cluster.left().filter((name) => name !== 'loadgen')).to.have.length(
        stays.some(([one]) => one === title) ? 1 : 0,
      );
    });
  }
});
