import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { silentProgress } from '../../../../src/base/progress.ts';
import { openLab } from '../../../../src/clusters/open-lab.ts';
import type { RunningCluster } from '../../../../src/clusters/provider.ts';
import { buildArchive, imageMap } from '../../../../src/images/archive.ts';
import { labImages } from '../../../../src/lab/images.ts';
import { pollUntil } from '../../../../src/base/poll.ts';
import { dataCallCommand } from '../../../../src/apps/tripinsights/probe-command.ts';
import { services } from '../../../../src/apps/tripinsights/topology.ts';
import { tripInsights } from '../../../../src/apps/tripinsights/trip-insights.ts';
import { waitForData } from '../../../../src/apps/tripinsights/wait-for-data.ts';
import { createToolbox } from '../../../../src/tools/toolbox.ts';

describe('TripInsights on an embedded lab', function () {
  this.timeout(600_000);
  const namespace = 'tripinsights';
  const progress = silentProgress();
  const toolbox = createToolbox({ progress, signal: new AbortController().signal });
  let lab: RunningCluster;

  before(async () => {
    lab = await openLab({ name: `sample-${process.pid}`, toolbox, progress });
    const names = ['postgres', ...services.map((service) => `tripinsights-${service}` as const)] as const;
    const archive = await buildArchive(await labImages(toolbox, names), { cacheDir: toolbox.cacheDir, progress });
    await lab.loadImages(archive);
    const databasePassword = randomBytes(18).toString('base64url');
    await lab.kube.apply(tripInsights({ namespace, images: imageMap(archive), databasePassword }));
  });
  after(() => lab?.delete());

  it('answers every data call from two replicas of each service, without a restart and within 40 MB each', async () => {
    await waitForData(lab.kube, namespace, { timeoutMs: 300_000 });
    const pods = await lab.kube.list(`/api/v1/namespaces/${namespace}/pods`);
    expect(pods).to.have.length(2 * services.length + 1);
    for (const pod of pods) {
      const { name } = pod.metadata;
      expect(pod.status.containerStatuses[0], name).to.include({ restartCount: 0, ready: true });
      const { stdout } = await lab.kube.exec({ namespace, name }, ['cat', '/proc/1/status']);
      // Pages of the program are shared by all replicas, and are not theirs alone: 45 MB of Node 24.
      expect(Number(/RssAnon:\s+(\d+) kB/.exec(stdout)?.[1]), name).to.be.within(1000, 40_000);
    }
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
    const probe = await lab.kube.exec({ namespace, name: pod!.metadata.name }, dataCallCommand('poi'));
    expect(probe.exitCode).not.to.equal(0);
    const error = await waitForData(lab.kube, namespace, { timeoutMs: 1000 }).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'MESHPROOF_WORKLOAD_NOT_READY');
    expect(String(error)).to.match(
      /TripInsights (poi|trips|userprofile|user-java|tripviewer) in tripinsights: .*data call/,
    );
    await lab.kube.patch(deployment, { spec: { replicas: 1 } });
    await waitForData(lab.kube, namespace, { timeoutMs: 300_000 });
  });
});
