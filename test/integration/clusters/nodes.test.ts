import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pollUntil } from '../../../src/base/poll.ts';
import { labelledProcesses } from '../../../src/base/process-identity.ts';
import { runCommand } from '../../../src/base/process.ts';
import { silentProgress } from '../../../src/base/progress.ts';
import { reapDeadLabs } from '../../../src/clusters/embedded/delete-lab.ts';
import { embeddedProvider } from '../../../src/clusters/embedded/embedded-provider.ts';
import { labDir, readRecord } from '../../../src/clusters/embedded/lab-record.ts';
import { labVariable } from '../../../src/clusters/embedded/node-process.ts';
import { residue } from '../../../src/clusters/embedded/residue.ts';
import type { ClusterContext, RunningCluster } from '../../../src/clusters/provider.ts';
import { readyPods } from '../../../src/kube/pods.ts';
import type { KubeObject, PodRef } from '../../../src/kube/types.ts';
import { waitForPods } from '../../../src/kube/wait.ts';
import { proveWire } from '../../../src/observe/capture/prove-wire.ts';
import { startCapture } from '../../../src/observe/capture/tcpdump.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import type { Toolbox } from '../../../src/tools/tool.ts';
import { boxArchive } from './box-image.ts';
import { withProgram } from './with-program.ts';
import { ownState, type OwnState } from './own-state.ts';

const nodes = 3;
const namespace = 'demo';
const labels = { app: 'web' };
const progress = silentProgress();
const { signal } = new AbortController();

/** A pod on each node, and a Service over them. Only what is on the node can start. */
function web(image: string): KubeObject[] {
  const metadata = { name: 'web', namespace };
  const container = {
    name: 'web',
    image,
    imagePullPolicy: 'Never',
    command: ['sh', '-c', 'mkdir -p /tmp/w; echo $HOSTNAME > /tmp/w/host; exec httpd -f -p 8080 -h /tmp/w'],
    readinessProbe: { httpGet: { path: '/host', port: 8080 }, periodSeconds: 1 },
  };
  const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata, spec: { selector: { matchLabels: labels }, template } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
    },
  ];
}

describe('embedded lab of three nodes', function () {
  this.timeout(300_000);
  let state: OwnState;
  let toolbox: Toolbox;
  let context: ClusterContext;
  let lab: RunningCluster;
  let pods: PodRef[] = [];

  before(async () => {
    state = await ownState();
    toolbox = createToolbox({ progress, signal });
    context = { toolbox, progress, signal };
    lab = await embeddedProvider.create({ name: 'it-nodes', ownedByProcess: true, nodes }, context);
  });

  after(async () => {
    await lab?.delete();
    expect(await state.leave(['it-nodes', 'it-owned'])).to.deep.equal([]);
  });

  const fetchFrom = async (pod: PodRef, url: string): Promise<string> => {
    const { stdout, stderr } = await lab.kube.exec(pod, ['wget', '-q', '-O', '-', url], {
      timeoutMs: 20_000,
    });
    return (stdout + stderr).trim();
  };

  it('has them ready, each a zone with an address and pods of its own', async () => {
    const objects = await lab.kube.list('/api/v1/nodes');
    const seen = objects.map(({ metadata, spec }) => [
      metadata.name,
      metadata.labels?.['topology.kubernetes.io/zone'],
      spec.podCIDR,
    ]);
    expect(seen).to.deep.equal([
      ['it-nodes-node-1', 'zone-1', '10.244.0.0/24'],
      ['it-nodes-node-2', 'zone-2', '10.244.1.0/24'],
      ['it-nodes-node-3', 'zone-3', '10.244.2.0/24'],
    ]);
    expect((await lab.nodes()).map(({ ip }) => ip)).to.deep.equal(['10.245.0.1', '10.245.0.2', '10.245.0.3']);
    expect(await embeddedProvider.list({ ask: true })).to.have.length(1);
  });

  it('has images on each, and a pod of them', async () => {
    const archive = await boxArchive(toolbox, `variant ${state.path}`);
    await lab.loadImages(archive);
    await lab.kube.apply(web(archive.images[0]?.ref ?? ''));
    await pollUntil(
      async () => {
        pods = await readyPods(lab.kube, namespace, 'app=web');
        return pods.length === nodes ? { ready: true } : { pending: `${pods.length} pods are ready` };
      },
      { what: 'a pod on each node', timeoutMs: 120_000, intervalMs: 200 },
    );
    expect(new Set(pods.map(({ node }) => node)).size).to.equal(nodes);
  });

  it('carries pods’ packets from each node to each', async () => {
    for (const from of pods)
      for (const to of pods)
        expect(await fetchFrom(from, `http://${to.ip}:8080/host`), `${from.node} to ${to.node}`).to.equal(to.name);
  });

  it('has one Service and one DNS for all', async () => {
    await waitForPods(lab.kube, 'kube-system', { timeoutMs: 60_000 });
    const names = pods.map(({ name }) => name).sort();
    const client = 'for i in $(busybox seq 30); do wget -q -O - http://web/host 2>&1 || echo failed; done';
    for (const pod of pods) {
      const ask = async (): Promise<string> => {
        const { stdout } = await lab.kube.exec(pod, ['sh', '-c', client], { timeoutMs: 60_000 });
        return String([...new Set(stdout.trim().split('\n'))].sort());
      };
      // kube-proxy follows the API server with some delay.
      await pollUntil(
        async () => {
          const seen = await ask();
          return seen === String(names) ? { ready: true } : { pending: seen };
        },
        { what: `the Service, from ${pod.node}`, timeoutMs: 30_000 },
      );
    }
  });

  it('lets the host into every pod’s network: a call between nodes is captured at both ends', async () => {
    for (const pod of pods) {
      const argv = await lab.podNetwork!.command(pod, ['ip', '-4', '-o', 'address', 'show', 'eth0']);
      expect((await runCommand(argv)).stdout, pod.node).to.contain(` ${pod.ip}/`);
    }
    const [, client, server] = pods as [PodRef, PodRef, PodRef];
    const tcpdump = await toolbox.get('tcpdump');
    const captures = await Promise.all(
      [client, server].map((pod) =>
        startCapture({
          ...{ pod, tcpdump, signal, file: join(state.path, `${pod.name}.pcap`) },
          argvFor: (argv) => lab.podNetwork!.command(pod, argv),
        }),
      ),
    );
    expect(await fetchFrom(client, `http://${server.ip}:8080/host?planted`)).to.equal(server.name);
    const results = await Promise.all(captures.map((capture) => capture.stop()));
    const edge = { source: 'client', destination: 'server', sourceIps: [client.ip], destinationIps: [server.ip] };
    const [there, here] = await Promise.all(
      results.map(({ file, kernelDrops }, index) =>
        proveWire(
          file,
          { ...edge, side: index === 0 ? 'client' : 'server' },
          { plantedTokens: ['planted'], kernelDrops },
        ),
      ),
    );
    expect(results.flatMap(({ problems }) => problems)).to.deep.equal([]);
    // The client's own address at the server: nothing between the nodes rewrites it.
    for (const proof of [there, here]) expect(proof).to.deep.include({ connections: 1, canarySeen: true, port: 8080 });
    expect(there?.plaintextBytes).to.equal(here?.plaintextBytes).and.be.greaterThan(0);
  });

  it('is found again, with all its nodes', async () => {
    const again = (await embeddedProvider.attach('it-nodes', context))!;
    try {
      expect(await again.nodes()).to.have.length(nodes);
      for (const pod of pods) {
        const { stdout } = await runCommand(await again.podNetwork!.command(pod, ['hostname', '-I']));
        expect(stdout).to.be.a('string');
      }
    } finally {
      again.kube.close();
    }
  });

  it('keeps nothing but its link on the host, and no process survives it', async () => {
    const id = (await readRecord('it-nodes'))?.id ?? '';
    const link = (await readRecord('it-nodes'))?.link?.name ?? '';
    const { stdout } = await runCommand(['ip', '-o', 'link', 'show']);
    expect(stdout)
      .to.include(link)
      .and.to.not.match(/ (nodes|node\d)[@:]/);
    await lab.delete();
    expect(labelledProcesses(labVariable).filter(({ value }) => value === id)).to.deep.equal([]);
    expect(await residue('it-nodes')).to.deep.equal([]);
  });

  it('goes with an owner that is killed', async () => {
    const script = fileURLToPath(new URL('lab-owner.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', script, 'it-owned', '2'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout, 'data');
      expect(await residue('it-owned')).to.not.deep.equal([]);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    expect(await reapDeadLabs()).to.deep.equal(['it-owned']);
    expect(await residue('it-owned')).to.deep.equal([]);
  });

  for (const moment of ['nodes/3/init.pid', 'nodes/2/log/containerd.log', 'nodes/3/log/kubelet.log']) {
    it(`an abort leaves nothing, at ${moment}`, async () => {
      const stop = new AbortController();
      const creation = embeddedProvider
        .create({ name: 'it-owned', ownedByProcess: true, nodes }, { ...context, signal: stop.signal })
        .then(
          () => 'it is up',
          (error: Error) => error.message,
        );
      await pollUntil(
        async () => (existsSync(join(labDir('it-owned'), moment)) ? { ready: true } : { pending: 'starting' }),
        { what: moment, timeoutMs: 120_000, intervalMs: 2 },
      );
      stop.abort(new Error('interrupted'));
      expect(await creation).to.equal('interrupted');
      expect(await residue('it-owned')).to.deep.equal([]);
    });
  }

  it('names the node whose part dies, and leaves nothing', async () => {
    const script = join(state.path, 'broken-containerd');
    await writeFile(script, '#!/bin/sh\n[ "$(hostname)" != it-owned-node-3 ] || exit 7\nexec sleep 100\n', {
      mode: 0o755,
    });
    const broken = withProgram(toolbox, { tool: 'containerd', program: 'containerd', path: script });
    const error = await embeddedProvider
      .create({ name: 'it-owned', ownedByProcess: true, nodes }, { ...context, toolbox: broken })
      .catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'MESHPROOF_CLUSTER_START' });
    expect(String(error)).to.include("Node it-owned-node-3's containerd ended with exit code 7");
    expect(await residue('it-owned')).to.deep.equal([]);
  });
});
