import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MeshproofError } from '../../../src/base/errors.ts';
import { pollUntil } from '../../../src/base/poll.ts';
import { runCommand, startCommand } from '../../../src/base/process.ts';
import { silentProgress } from '../../../src/base/progress.ts';
import { deleteLab, reapDeadLabs } from '../../../src/clusters/embedded/delete-lab.ts';
import { embeddedProvider } from '../../../src/clusters/embedded/embedded-provider.ts';
import { labDir, readRecord } from '../../../src/clusters/embedded/lab-record.ts';
import { listLabs } from '../../../src/clusters/labs.ts';
import { labVariable } from '../../../src/clusters/embedded/node-process.ts';
import { labelledProcesses } from '../../../src/base/process-identity.ts';
import { residue } from '../../../src/clusters/embedded/residue.ts';
import { openLab } from '../../../src/clusters/open-lab.ts';
import type { ClusterContext, RunningCluster } from '../../../src/clusters/provider.ts';
import { readyPods } from '../../../src/kube/pods.ts';
import type { KubeObject, PodRef } from '../../../src/kube/types.ts';
import { waitForDeployments, waitForPods } from '../../../src/kube/wait.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import type { Toolbox } from '../../../src/tools/tool.ts';
import { boxArchive } from './box-image.ts';
import { withProgram } from './with-program.ts';
import { ownState, type OwnState } from './own-state.ts';

const labels = { app: 'web' };
const progress = silentProgress();
const { signal } = new AbortController();

function web(image: string): KubeObject[] {
  const metadata = { name: 'web', namespace: 'demo' };
  const serve =
    'mkdir -p /tmp/w; echo $HOSTNAME > /tmp/w/host; exec httpd -f -p 127.0.0.1:8081 -h /tmp/w & exec httpd -f -p 8080 -h /tmp/w';
  const container = {
    name: 'web',
    image,
    imagePullPolicy: 'Never',
    command: ['sh', '-c', serve],
    readinessProbe: { httpGet: { path: '/host', port: 8080 }, periodSeconds: 1 },
  };
  const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'demo' } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { replicas: 2, selector: { matchLabels: labels }, template },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
    },
  ];
}

const errorOf = (work: Promise<unknown>): Promise<MeshproofError> =>
  work.then(
    () => expect.fail('it did not throw'),
    (error: MeshproofError) => error,
  );

describe('embedded lab', function () {
  this.timeout(300_000);
  let state: OwnState;
  let toolbox: Toolbox;
  let context: ClusterContext;
  let lab: RunningCluster;
  let image = '';
  let pods: PodRef[] = [];

  before(async () => {
    state = await ownState();
    toolbox = createToolbox({ progress, signal });
    context = { toolbox, progress, signal };
    lab = await embeddedProvider.create({ name: 'it-one', ownedByProcess: true }, context);
  });

  after(async () => {
    await lab?.delete();
    expect(await state.leave(['it-one', 'it-two'])).to.deep.equal([]);
  });

  it('has a ready node of the version it says', async () => {
    const [node, ...others] = await lab.nodes();
    expect(others).to.deep.equal([]);
    expect(node?.kubeletVersion)
      .to.match(/^v1\.34\./)
      .and.to.equal(lab.kubernetesVersion);
    expect(await listLabs({ ask: true }).then((labs) => labs.map(({ name, state }) => [name, state]))).to.deep.equal([
      ['it-one', 'running'],
    ]);
  });

  it('loads images, those it has already only once', async () => {
    const archive = await boxArchive(toolbox, `variant ${state.path}`);
    await lab.loadImages(archive);
    image = archive.images[0]?.ref ?? '';
    // The second time nothing is read: the archive may as well be gone.
    await lab.loadImages({ ...archive, path: '/nonexistent' });
    const other = { ...archive, images: [{ ...archive.images[0]!, digest: `sha256:${'0'.repeat(64)}` }] };
    expect((await errorOf(lab.loadImages(other))).code).to.equal('MESHPROOF_IMAGE');
  });

  it('runs pods behind a Service with two endpoints, found by name', async () => {
    await lab.kube.apply(web(image));
    await waitForDeployments(lab.kube, 'demo', { timeoutMs: 120_000 });
    pods = await readyPods(lab.kube, 'demo', 'app=web');
    expect(pods).to.have.length(2);
    await waitForPods(lab.kube, 'kube-system', { timeoutMs: 60_000 });
    const names = pods.map(({ name }) => name).sort();
    const ask = async (times: number): Promise<string[]> => {
      const client = `for i in $(busybox seq ${times}); do wget -q -O - http://web/host 2>&1 || echo failed; done`;
      const { stdout } = await lab.kube.exec(pods[0]!, ['sh', '-c', client], { timeoutMs: 60_000 });
      return [...new Set(stdout.trim().split('\n'))].sort();
    };
    // DNS and kube-proxy follow the API server with some delay; from then on every request must get through.
    await pollUntil(
      async () => {
        const seen = await ask(10);
        return String(seen) === String(names) ? { ready: true } : { pending: seen.join(', ') };
      },
      { what: 'the Service', timeoutMs: 30_000 },
    );
    expect(await ask(40)).to.deep.equal(names);
    const lookup = await lab.kube.exec(pods[0]!, ['nslookup', 'nothing.demo.svc.cluster.local']);
    expect(lookup.exitCode).to.not.equal(0);
  });

  it('runs programs in pods', async () => {
    const { kube } = lab;
    const pod = pods[0]!;
    expect(await kube.exec(pod, ['sh', '-c', 'echo out; echo err >&2; exit 3'])).to.deep.equal({
      stdout: 'out\n',
      stderr: 'err\n',
      exitCode: 3,
    });
    const long = 'meshproof '.repeat(30_000);
    expect((await kube.exec(pod, ['cat'], { stdin: long })).stdout).to.equal(long);
    expect((await errorOf(kube.exec(pod, ['nonesuch']))).message).to.contain('nonesuch');
    expect((await errorOf(kube.exec(pod, ['sleep', '60'], { timeoutMs: 300 }))).code).to.equal(
      'MESHPROOF_KUBE_TIMEOUT',
    );
  });

  it('reaches ports that are bound to a pod’s loopback', async () => {
    const answer = await lab.kube.podHttp(pods[1]!, 8081, '/host');
    expect(answer).to.deep.equal({ status: 200, body: `${pods[1]?.name}\n` });
    expect((await lab.kube.podHttp(pods[1]!, 8081, '/nothing')).status).to.equal(404);
    expect((await errorOf(lab.kube.podHttp(pods[1]!, 1, '/'))).code).to.equal('MESHPROOF_KUBE_API');
  });

  it('an exec ends when its pod is killed', async () => {
    const { kube } = lab;
    const victim = pods.pop()!;
    const running = kube.exec(victim, ['sleep', '1000'], { timeoutMs: 100_000 }).then(
      ({ exitCode }) => `exit ${exitCode}`,
      (error: MeshproofError) => error.code,
    );
    await kube.delete(await kube.pathOf({ apiVersion: 'v1', kind: 'Pod', metadata: victim }), {
      gracePeriodSeconds: 0,
    });
    expect(await running).to.be.oneOf(['exit 137', 'MESHPROOF_KUBE_API']);
    await waitForDeployments(kube, 'demo', { timeoutMs: 60_000 });
  });

  it('runs host programs in a pod’s network, and they die with their group', async () => {
    const pod = pods[0]!;
    const podNetwork = lab.podNetwork!;
    const { stdout } = await runCommand(await podNetwork.command(pod, ['ip', '-4', '-o', 'address', 'show', 'eth0']));
    expect(stdout).to.contain(` ${pod.ip}/`);
    const running = startCommand(await podNetwork.command(pod, ['sleep', '54321']));
    const sleeps = (): number[] => processesNamed('sleep', '54321');
    await pollUntil(async () => (sleeps().length > 0 ? { ready: true } : { pending: 'starting' }), {
      what: 'sleep',
      timeoutMs: 10_000,
    });
    await running.stop();
    expect(sleeps()).to.deep.equal([]);
    expect((await errorOf(podNetwork.command({ ...pod, uid: 'gone' }, ['true']))).code).to.equal('MESHPROOF_CAPTURE');
  });

  it('says of a crashing pod what it wrote last', async () => {
    const crashing = structuredClone(web(image)[1]!);
    crashing.metadata = { name: 'crashing', namespace: 'crash' };
    const [container] = crashing.spec.template.spec.containers;
    Object.assign(container, { command: ['sh', '-c', 'echo no database here; exit 4'], readinessProbe: undefined });
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'crash' } };
    await lab.kube.apply([namespace, crashing]);
    const error = await errorOf(waitForDeployments(lab.kube, 'crash', { timeoutMs: 200_000 }));
    expect(error.code).to.equal('MESHPROOF_POD_CRASHED');
    expect(error.message).to.match(
      /pod crash\/crashing-\S+: container web crashed 3 times \(exit code 4\):\nno database here/,
    );
    await lab.kube.delete('/api/v1/namespaces/crash');
  });

  it('lets nobody in without a certificate of its CA', async () => {
    const kubeconfig = await readFile(lab.kubeconfigPath, 'utf8');
    expect(kubeconfig).to.not.match(/insecure|token/);
    const ca = Buffer.from(
      JSON.parse(kubeconfig).clusters[0].cluster['certificate-authority-data'] as string,
      'base64',
    );
    const host = (await readRecord('it-one'))?.link?.nodeIp ?? '';
    for (const [port, path] of [
      [6443, '/api/v1/namespaces/kube-system/secrets'],
      [10250, '/pods'],
    ] as const) {
      expect(await statusWithoutCertificate(host, port, path, ca), `port ${port}`).to.equal(401);
    }
    // etcd has no port at all.
    const init = readFileSync(join(labDir('it-one'), 'init.pid'), 'utf8').trim();
    const listening = await runCommand(['nsenter', `--net=/proc/${init}/ns/net`, 'ss', '-Hltn']);
    expect(listening.stdout)
      .to.contain(':6443')
      .and.to.not.match(/:23(79|80)\b/);
  });

  it('an API server that hangs is an error, not a hang', async () => {
    const id = (await readRecord('it-one'))?.id;
    const own = labelledProcesses(labVariable).filter(({ value }) => value === id);
    const apiserver = own.find(({ pid }) => commandOf(pid).includes('kube-apiserver\0'))!;
    process.kill(apiserver.pid, 'SIGSTOP');
    try {
      expect((await errorOf(lab.kube.get('/api/v1/nodes', { timeoutMs: 300 }))).code).to.equal(
        'MESHPROOF_KUBE_TIMEOUT',
      );
      expect((await errorOf(lab.kube.exec(pods[0]!, ['true'], { timeoutMs: 300 }))).code).to.equal(
        'MESHPROOF_KUBE_TIMEOUT',
      );
      expect((await errorOf(lab.kube.podHttp(pods[0]!, 8080, '/', { timeoutMs: 300 }))).code).to.equal(
        'MESHPROOF_KUBE_TIMEOUT',
      );
    } finally {
      process.kill(apiserver.pid, 'SIGCONT');
    }
    expect(await lab.nodes()).to.have.length(1);
  });

  it('a second lab lives beside it, with its images, and deleting it leaves nothing and disturbs nothing', async () => {
    const before = (await readyPods(lab.kube, 'demo', 'app=web')).map(({ uid }) => uid);
    expect((await errorOf(embeddedProvider.create({ name: 'it-one', ownedByProcess: true }, context))).code).to.equal(
      'MESHPROOF_LAB_BUSY',
    );
    const two = await openLab({ name: 'it-two', toolbox, progress, keep: true });
    try {
      // What the first lab had to import is unpacked in the store by now: nothing is read from the archive.
      const archive = await boxArchive(toolbox, `variant ${state.path}`);
      await two.loadImages({ ...archive, path: '/nonexistent' });
      await two.kube.apply(web(image));
      await waitForDeployments(two.kube, 'demo', { timeoutMs: 120_000 });
      const attached = await openLab({ name: 'it-two', toolbox, progress });
      expect((await readyPods(attached.kube, 'demo')).length).to.equal(2);
      attached.kube.close();
      expect(
        new Set((await Promise.all([lab, two].map((each) => each.nodes()))).flat().map(({ ip }) => ip)).size,
      ).to.equal(2);
      expect(await residue('it-two')).to.not.deep.equal([]);
    } finally {
      await two.delete();
    }
    await two.delete();
    expect(await residue('it-two')).to.deep.equal([]);
    expect((await readyPods(lab.kube, 'demo', 'app=web')).map(({ uid }) => uid)).to.deep.equal(before);
    expect((await lab.kube.exec(pods[0]!, ['wget', '-q', '-O', '-', 'http://web/host'])).exitCode).to.equal(0);
  });

  describe('when things go wrong', () => {
    const children: ChildProcess[] = [];
    afterEach(async () => {
      for (const child of children.splice(0)) child.kill('SIGKILL');
      await deleteLab('it-two');
    });

    async function owner(): Promise<ChildProcess> {
      const script = fileURLToPath(new URL('lab-owner.ts', import.meta.url));
      const child = spawn(process.execPath, ['--import', 'tsx', script, 'it-two'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(child);
      await once(child, 'spawn');
      return child;
    }

    it('a lab whose owner was killed is reaped by the next creation', async () => {
      const child = await owner();
      await once(child.stdout!, 'data');
      expect(await reapDeadLabs(), 'its owner lives').to.deep.equal([]);
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(labelledProcesses(labVariable).some(({ value }) => value.startsWith('it-two-'))).to.equal(true);
      expect(await reapDeadLabs()).to.deep.equal(['it-two']);
      expect(await residue('it-two')).to.deep.equal([]);
    });

    it('also one that was killed while it made the lab', async () => {
      const child = await owner();
      await pollUntil(
        async () =>
          existsSync(join(labDir('it-two'), 'log', 'kube-apiserver.log')) ? { ready: true } : { pending: 'starting' },
        { what: 'the half-made lab', timeoutMs: 120_000, intervalMs: 20 },
      );
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(await reapDeadLabs()).to.deep.equal(['it-two']);
      expect(await residue('it-two')).to.deep.equal([]);
    });

    for (const moment of ['init.pid', 'start/etcd', 'log/containerd.log', 'log/kubelet.log']) {
      it(`an abort leaves nothing, at ${moment}`, async () => {
        const stop = new AbortController();
        const creation = errorOf(
          embeddedProvider.create({ name: 'it-two', ownedByProcess: true }, { ...context, signal: stop.signal }),
        );
        await pollUntil(
          async () => (existsSync(join(labDir('it-two'), moment)) ? { ready: true } : { pending: 'starting' }),
          {
            what: moment,
            timeoutMs: 120_000,
            intervalMs: 2,
          },
        );
        stop.abort(new Error('interrupted'));
        expect((await creation).message).to.equal('interrupted');
        expect(await residue('it-two')).to.deep.equal([]);
      });
    }

    for (const [name, file] of [
      ['etcd', 'etcd'],
      ['kubernetes', 'kube-apiserver'],
      ['kubernetes', 'kubelet'],
    ] as const) {
      it(`a ${file} that dies is named, with what it said, and nothing is left`, async () => {
        const script = join(state.path, `broken-${file}`);
        await writeFile(script, '#!/bin/sh\necho "cannot do that, Dave" >&2\nexit 7\n', { mode: 0o755 });
        const broken = withProgram(toolbox, { tool: name, program: file, path: script });
        const error = await errorOf(
          embeddedProvider.create({ name: 'it-two', ownedByProcess: true }, { ...context, toolbox: broken }),
        );
        expect(error.code).to.equal('MESHPROOF_CLUSTER_START');
        expect(error.message).to.contain(file).and.to.contain('exit code 7').and.to.contain('cannot do that, Dave');
        expect(await residue('it-two')).to.deep.equal([]);
      });
    }
  });
});

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function processesNamed(...argv: string[]): number[] {
  const all = labelledProcesses('PATH').map(({ pid }) => pid);
  return all.filter((pid) => commandOf(pid) === `${argv.join('\0')}\0`);
}

/** HTTP status of a request by a client that shows no certificate, over a connection that checks the server's. */
async function statusWithoutCertificate(host: string, port: number, path: string, ca: Buffer): Promise<number> {
  const socket = connect({ host, port, ca });
  await once(socket, 'secureConnect');
  // Not end(): the server takes a half-closed connection for a client that has gone.
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  await once(socket, 'close');
  return Number(answer.split(' ')[1]);
}
