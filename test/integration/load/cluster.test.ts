import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { expect } from 'chai';
import { silentProgress } from '../../../src/base/progress.ts';
import { openLab } from '../../../src/clusters/open-lab.ts';
import type { RunningCluster } from '../../../src/clusters/provider.ts';
import type { FaultRequest } from '../../../src/faults/fault.ts';
import { residue } from '../../../src/faults/injectors/point/residue.ts';
import { startFault } from '../../../src/faults/index.ts';
import type { FaultContext } from '../../../src/faults/define-fault.ts';
import { buildArchive, imageMap } from '../../../src/images/archive.ts';
import type { ImageMap } from '../../../src/images/image.ts';
import { labImages } from '../../../src/lab/images.ts';
import { measureClockOffset } from '../../../src/kube/clock-offset.ts';
import type { PodRef } from '../../../src/kube/types.ts';
import { inWindow } from '../../../src/load/figures.ts';
import type { LoadSpec } from '../../../src/load/load.ts';
import { LoadPods } from '../../../src/load/load-pods.ts';
import { prepareLoad, type LoadContext } from '../../../src/load/prepare-load.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import { namespace, readyPods, sidecarPods } from './sidecar-pods.ts';

const progress = silentProgress();
const { signal } = new AbortController();

describe('load and fault on a cluster', function () {
  this.timeout(180_000);
  let lab: RunningCluster;
  let images: ImageMap;
  let pods: PodRef[];
  let workDir: string;

  before(async function () {
    this.timeout(1_800_000);
    const toolbox = createToolbox({ progress, signal });
    lab = await openLab({ name: `load-it-${process.pid}`, toolbox, progress });
    const archive = await buildArchive(await labImages(toolbox, { names: ['fault-point', 'k6'] }), {
      cacheDir: toolbox.cacheDir,
      progress,
    });
    await lab.loadImages(archive);
    images = imageMap(archive);
    await lab.kube.apply(sidecarPods(images['fault-point']?.ref ?? ''));
    pods = await readyPods(lab.kube);
    workDir = await mkdtemp('/var/tmp/meshproof-load-');
  });
  after(async () => {
    await lab?.delete();
    if (workDir) await rm(workDir, { recursive: true, force: true });
  });

  const load: LoadSpec = {
    client: 'caller',
    namespace,
    targets: [{ name: 'trips', url: `http://trips.${namespace}/api/trips`, expectBody: 'trips' }],
    rps: 40,
    durationMs: 14_000,
    maxVUs: 120,
    requestTimeoutMs: 3000,
    pods: 2,
  };
  /** Takes everything back, last first, as a run does at its end. */
  const taking: (() => Promise<void>)[] = [];
  const takeAllBack = async (): Promise<void> => {
    for (const undo of taking.splice(0).reverse()) await undo();
  };
  const loadPods = new LoadPods({
    record: async ({ undo }) => {
      const run = async (): Promise<void> => undo?.();
      taking.push(run);
      return { run };
    },
  });
  const context = (): LoadContext => ({
    pods: loadPods,
    kube: lab.kube,
    images,
    inject: (objects) => objects,
    progress,
    signal,
    workDir,
  });
  const faultContext = (): FaultContext => ({
    kube: lab.kube,
    images,
    pods,
    appPort: 8080,
    appPath: { sidecarUid: 1337, outInterface: 'lo' },
    rollback: { record: async ({ undo }) => ({ run: async () => undo?.() }) },
    progress,
    signal,
    deadManMs: 120_000,
  });
  const loadObjects = async (): Promise<string[]> => {
    const lists = await Promise.all(
      ['pods', 'configmaps', 'serviceaccounts'].map((kind) => lab.kube.list(`/api/v1/namespaces/${namespace}/${kind}`)),
    );
    return lists
      .flat()
      .filter((object) => object.metadata.name.startsWith('caller') && !object.metadata.deletionTimestamp)
      .map((object) => object.metadata.name);
  };

  it('joins what two clients saw with what two servers did', async () => {
    const spec: FaultRequest = {
      kind: 'http-abort',
      target: 'trips',
      percentage: 100,
      status: 503,
      pathPrefix: '/api',
    };
    {
      await using prepared = await prepareLoad(load, context());
      expect(prepared.pods).to.have.length(2);
      const clock = await measureClockOffset(lab.kube, prepared.pods[0]!, 'k6');
      // The node is this machine: any offset is the measurement's own error.
      expect(Math.abs(clock.offsetMs)).to.be.at.most(clock.uncertaintyMs + 0.5);
      expect(clock.samples).to.equal(8);
      const running = await prepared.start();
      const fault = await startFault(spec, faultContext());
      expect(await running.progress()).to.be.greaterThan(0);
      await fault.undo();
      const result = await running.finish();
      expect(result.problems).to.deep.equal([]);
      expect(result.exitCode).to.equal(0);
      expect(new Set(result.samples.map((sample) => sample.requestId)).size).to.equal(result.samples.length);

      const sum = (await fault.receipts()).at(-1);
      expect(sum?.problems).to.deep.equal([]);
      expect(sum?.undone).to.equal(true);
      expect(sum?.measured['sharePercent']).to.equal(100);
      const samples = new Map(result.samples.map((sample) => [sample.requestId, sample]));
      const ledger = await fault.ledger();
      expect(ledger.length).to.equal(sum?.measured['requests']);
      for (const entry of ledger) expect(samples.get(entry.requestId)?.status, entry.requestId).to.equal(503);
      // Nothing fails outside of the fault but what was under way when its connection was ended.
      const early = inWindow(result.samples, { fromMs: 0, toMs: (sum?.startedAt ?? 0) - (sum?.onsetMs ?? 0) });
      const late = inWindow(result.samples, { fromMs: (sum?.endedMs ?? 0) + 1000, toMs: Infinity });
      expect([...early, ...late].filter((sample) => !sample.ok)).to.deep.equal([]);
      expect(late.length).to.be.greaterThan(0);
      expect(await residue({ kube: lab.kube, pods })).to.deep.equal([]);
      expect((await readdir(workDir)).filter((name) => name.startsWith('caller-load-'))).to.have.length(2);
      prepared.keepPods();
    }
    const kept = (await loadObjects()).filter((name) => name !== 'caller').sort();
    expect(kept).to.have.length(2);

    // The same pods serve another load, whose samples are its own; one that is to have no past is new.
    const next: LoadSpec = { ...load, pods: 1, rps: 30, durationMs: 2000 };
    {
      await using again = await prepareLoad(next, context());
      expect(kept).to.include(again.pods[0]!.name);
      await using fresh = await prepareLoad({ ...next, freshPods: true }, context());
      expect(kept).not.to.include(fresh.pods[0]!.name);
      const result = await (await again.start()).finish();
      expect(result.problems).to.deep.equal([]);
      expect(result.samples.length).to.be.within(58, 62);
    }
    await takeAllBack();
    expect(await loadObjects()).to.deep.equal([]);
  });

  it('names the reason of a load pod that cannot start, and leaves nothing', async () => {
    const wrong = { ...images, k6: { name: 'k6', ref: 'meshproof.dev/no-such:1', digest: '' } };
    const error = await prepareLoad(load, { ...context(), images: wrong }).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'MESHPROOF_LOAD_START' });
    expect(String(error)).to.match(/k6: (ErrImagePull|ImagePullBackOff)/);
    await takeAllBack();
    expect(await loadObjects()).to.deep.equal([]);
  });

  it('names the reason of a fault point that cannot start, and leaves nothing running', async () => {
    const wrong = { ...images, 'fault-point': { name: 'fault-point', ref: 'meshproof.dev/no-such:1', digest: '' } };
    const spec: FaultRequest = { kind: 'http-abort', target: 'trips', percentage: 100, status: 503 };
    const error = await startFault(spec, { ...faultContext(), images: wrong }).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'MESHPROOF_FAULT_START' });
    expect(String(error)).to.match(/ErrImagePull|ImagePullBackOff/);
  });

  it('gives up on a load whose k6 is killed with its container', async () => {
    await using prepared = await prepareLoad({ ...load, pods: 1, rps: 10, maxVUs: 10 }, context());
    const running = await prepared.start();
    const [pod] = prepared.pods;
    await lab.kube.delete(`/api/v1/namespaces/${namespace}/pods/${pod?.name}`, { gracePeriodSeconds: 0 });
    const result = await running.finish();
    expect(result.samples).to.deep.equal([]);
    expect(result.problems.join()).to.contain('did not end by itself');
  });
});
