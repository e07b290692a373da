import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { silentProgress } from '../../../src/base/progress.ts';
import { openLab } from '../../../src/clusters/open-lab.ts';
import type { RunningCluster } from '../../../src/clusters/provider.ts';
import { buildArchive, imageMap } from '../../../src/images/archive.ts';
import { appImages } from '../../../src/apps/app-images.ts';
import type { RunningApp } from '../../../src/apps/app.ts';
import { deployApp } from '../../../src/apps/running-app.ts';
import { appCatalogue, loadApp } from '../../../src/apps/load-app.ts';
import { runCommand } from '../../../src/base/process.ts';
import { startRegistry } from '../images/registry.ts';
import { pollUntil } from '../../../src/base/poll.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import { probeCommand, services, tripInsights } from './tripinsights/app.ts';

/** Both apps that come with meshproof share one lab: neither is in a mesh here. */
describe('apps on an embedded lab', function () {
  this.timeout(600_000);
  const progress = silentProgress();
  const toolbox = createToolbox({ progress, signal: new AbortController().signal });
  let lab: RunningCluster;

  before(async () => {
    lab = await openLab({ name: `sample-${process.pid}`, toolbox, progress });
  });
  after(() => lab?.delete());

  const deploy = async (name: string): Promise<RunningApp> => {
    const app = await loadApp(name);
    const archive = await buildArchive(await appImages(app, { toolbox }), { cacheDir: toolbox.cacheDir, progress });
    await lab.loadImages(archive);
    const { namespace } = app;
    return deployApp(app, { kube: lab.kube, namespace, meshed: false, images: imageMap(archive) });
  };

  describe('TripInsights', () => {
    const { namespace } = tripInsights;
    let app: RunningApp;
    before(async () => {
      app = await deploy('tripinsights');
    });

    it('answers every data call from two replicas of each service, without a restart and within 40 MB each', async () => {
      await app.answering({ timeoutMs: 300_000 });
      const pods = await lab.kube.list(`/api/v1/namespaces/${namespace}/pods`);
      expect(pods).to.have.length(2 * services.length + 1);
      expect(await app.pods('trips')).to.have.length(2);
      for (const pod of pods) {
        const { name } = pod.metadata;
        expect(pod.status.containerStatuses[0], name).to.include({ restartCount: 0, ready: true });
        const { stdout } = await lab.kube.exec({ namespace, name }, ['cat', '/proc/1/status']);
        // Pages of the program are shared by all replicas, and are not theirs alone: 45 MB of Node 24.
        expect(Number(/RssAnon:\s+(\d+) kB/.exec(stdout)?.[1]), name).to.be.within(500, 40_000);
      }
    });

    it('changes one answer and takes it back, and ends the connections to its database', async () => {
      const { change, reconnect } = app.app;
      const [postgres] = await app.pods('postgres');
      const run = async (command: readonly string[]): Promise<number> =>
        (await lab.kube.exec(postgres!, [...command], { container: 'postgres' })).exitCode;
      const [pod] = await app.pods('userprofile');
      const answer = async (): Promise<string> =>
        (await lab.kube.podHttp(pod!, 8080, app.app.services.find(({ name }) => name === 'userprofile')!.call!.path))
          .body;
      const before = await answer();
      expect(await run(change!.do.command)).to.equal(0);
      const changed = await answer();
      expect(changed).not.to.equal(before);
      for (let twice = 0; twice < 2; twice++) expect(await run(change!.undo.command)).to.equal(0);
      const name = (text: string): unknown => (JSON.parse(text) as { FirstName: string }[])[0]?.FirstName;
      expect(name(await answer())).to.equal(name(before));
      expect(name(changed)).to.equal(`${String(name(before))}x`);
      expect(await run(reconnect!.command)).to.equal(0);
      await app.answering({ timeoutMs: 30_000 });
    });

    it('says which service does not answer, and why, when the database goes', async () => {
      const deployment = `/apis/apps/v1/namespaces/${namespace}/deployments/postgres`;
      await lab.kube.patch(deployment, { spec: { replicas: 0 } });
      await pollUntil(
        async () => {
          const left = await lab.kube.list(`/api/v1/namespaces/${namespace}/pods`, 'app=postgres');
          return left.length === 0 ? { ready: true } : { pending: `${left.length} left` };
        },
        { what: 'postgres to stop', timeoutMs: 60_000 },
      );
      const [pod] = await lab.kube.list(`/api/v1/namespaces/${namespace}/pods`, 'app=poi');
      const probe = await lab.kube.exec({ namespace, name: pod!.metadata.name }, probeCommand('poi'));
      expect(probe.exitCode).not.to.equal(0);
      const error = await app.answering({ timeoutMs: 1000 }).catch((thrown: unknown) => thrown);
      expect(error).to.have.property('code', 'MESHPROOF_WORKLOAD_NOT_READY');
      expect(String(error)).to.match(
        /TripInsights (poi|trips|userprofile|user-java|tripviewer) in tripinsights: .*does not answer its data call: status/,
      );
      await lab.kube.patch(deployment, { spec: { replicas: 1 } });
      await app.answering({ timeoutMs: 300_000 });
    });
  });

  /** Its image is pushed to a registry first, and comes from there: compressed, as registries keep them. */
  describe('podinfo', () => {
    let folder: string;
    let app: RunningApp;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'meshproof-podinfo-'));
      const crane = (await toolbox.get('crane')).bin['crane']!;
      const registry = await startRegistry(crane, folder);
      try {
        const images = await appImages(await loadApp('podinfo'), { toolbox });
        const { path } = await buildArchive(images, { cacheDir: toolbox.cacheDir, progress });
        const ref = `${registry.host}/apps/podinfo:1`;
        await runCommand([crane, 'push', path, ref]);
        await cp(dirname((await appCatalogue()).get('podinfo')!), folder, { recursive: true });
        const file = join(folder, 'app.yaml');
        const text = await readFile(file, 'utf8');
        await writeFile(file, text.replace('podinfo: { tool: podinfo }', `podinfo: '${ref}'`));
        app = await deploy(file);
      } finally {
        await registry.kill();
      }
    });
    after(() => rm(folder, { recursive: true, force: true }));

    it('answers through both tiers, from an image that a registry gave', async () => {
      expect(app.app.images?.[0]?.source).to.have.property('kind', 'registry');
      await app.answering({ timeoutMs: 120_000 });
      expect(await app.pods('frontend')).to.have.length(2);
      const [frontend, backend] = app.app.services;
      expect(frontend).to.include({ port: 80, containerPort: 9898, protocol: 'http', container: 'podinfo' });
      expect(backend).to.include({ port: 9898, containerPort: 9898, protocol: 'http', account: 'backend' });
    });

    it('does not pass for answering when its backend does not, though its status stays 200', async () => {
      const path = `/apis/apps/v1/namespaces/podinfo/deployments/backend`;
      await lab.kube.patch(path, { spec: { replicas: 0 } });
      const [pod] = await app.pods('frontend');
      const ask = () => lab.kube.podHttp(pod!, 9898, '/echo', { method: 'POST', body: 'seventeen apples' });
      await pollUntil(
        async () => {
          const { status, body } = await ask();
          return status === 200 && body.includes('failed') ? { ready: true } : { pending: `${status} ${body}` };
        },
        { what: 'the backend to be gone', timeoutMs: 60_000 },
      );
      const error = await app.answering({ timeoutMs: 1000 }).catch((thrown: unknown) => thrown);
      expect(error).to.have.property('code', 'MESHPROOF_WORKLOAD_NOT_READY');
      expect(String(error)).to.match(
        /podinfo frontend in podinfo: .*does not answer its data call: the body does not hold/,
      );
      await lab.kube.patch(path, { spec: { replicas: 2 } });
      await app.answering({ timeoutMs: 120_000 });
    });
  });
});
