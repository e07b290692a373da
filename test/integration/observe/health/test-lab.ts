import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { pollUntil } from '../../../../src/base/poll.ts';
import { silentProgress } from '../../../../src/base/progress.ts';
import { openLab } from '../../../../src/clusters/open-lab.ts';
import type { RunningCluster } from '../../../../src/clusters/provider.ts';
import { buildArchive, imageMap } from '../../../../src/images/archive.ts';
import { labImages } from '../../../../src/lab/images.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';
import { resolveInPod } from '../../../../src/observe/health/dns.ts';
import { createToolbox } from '../../../../src/tools/toolbox.ts';

export type Component = 'kube-apiserver' | 'kube-scheduler' | 'kube-controller-manager' | 'kube-proxy';

/** A lab of this test's own, with a small healthy namespace `demo`; gone with the process whatever happens. */
export async function openTestLab(): Promise<{ lab: RunningCluster; image: string }> {
  const progress = silentProgress();
  const toolbox = createToolbox({ progress, signal: new AbortController().signal });
  const lab = await openLab({ name: `health-it-${process.pid}`, toolbox, progress });
  try {
    const archive = await buildArchive(await labImages(toolbox, { names: ['pause'] }), {
      cacheDir: toolbox.cacheDir,
      progress,
    });
    await lab.loadImages(archive);
    const image = imageMap(archive)['pause']!.ref;
    await lab.kube.apply(demo(image));
    for (const path of [
      '/apis/apps/v1/namespaces/demo/deployments/web',
      '/apis/apps/v1/namespaces/kube-system/deployments/coredns',
    ]) {
      await available(lab, path);
    }
    await dnsAnswers(lab);
    return { lab, image };
  } catch (error) {
    await lab.delete();
    throw error;
  }
}

function demo(image: string): KubeObject[] {
  const labels = { app: 'web' };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'demo' } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'demo' },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: 1,
            containers: [{ name: 'web', image, imagePullPolicy: 'IfNotPresent' }],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'demo' },
      spec: { selector: labels, ports: [{ port: 80 }] },
    },
  ];
}

/** kube-proxy takes a new server in a moment after its Deployment says that it is available. */
async function dnsAnswers({ kube }: RunningCluster): Promise<void> {
  const [pod] = await kube.list('/api/v1/namespaces/demo/pods', 'app=web');
  await pollUntil(
    async () => {
      const probe = { namespace: 'demo', pod: pod!.metadata.name };
      const { addresses, output } = await resolveInPod(kube, probe, 'kubernetes.default.svc.cluster.local');
      return addresses.length > 0 ? { ready: true } : { pending: output };
    },
    { what: 'cluster DNS', timeoutMs: 30_000 },
  );
}

export async function available(lab: RunningCluster, path: string): Promise<void> {
  await pollUntil(
    async () => {
      const { status } = await lab.kube.get(path);
      return (status as { availableReplicas?: number }).availableReplicas === 1
        ? { ready: true }
        : { pending: JSON.stringify(status) };
    },
    { what: path, timeoutMs: 60_000 },
  );
}

/** Does the work while a component of this lab is stopped in its tracks: it is there, and does nothing. */
export async function whileFrozen<T>(lab: RunningCluster, component: Component, work: () => Promise<T>): Promise<T> {
  const pid = readdirSync('/proc').find((entry) => {
    try {
      const argv = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      return (
        argv.slice(0, 2).some((each) => basename(each) === component) &&
        argv.some((each) => each.includes(`/labs/${lab.name}/`))
      );
    } catch {
      return false;
    }
  });
  if (pid === undefined) throw new Error(`no ${component} of lab ${lab.name}`);
  process.kill(Number(pid), 'SIGSTOP');
  try {
    return await work();
  } finally {
    process.kill(Number(pid), 'SIGCONT');
  }
}
