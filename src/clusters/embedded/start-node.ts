import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pollUntil } from '../../base/poll.ts';
import { createKubeClient } from '../../kube/client.ts';
import type { KubeClient } from '../../kube/types.ts';
import type { ClusterContext } from '../provider.ts';
import { cgroupLayout, cgroupRootOf, createCgroups } from './cgroup.ts';
import { components, type ComponentName } from './components.ts';
import { coreDns } from './core-dns.ts';
import { writeCredentials } from './credentials.ts';
import { loadedImages, type ContainerdAccess } from './image-import.ts';
import { imageStore, type ImageStore } from './image-store.ts';
import { labDir, saveRecord, type LabRecord } from './lab-record.ts';
import { createLink } from './link.ts';
import { cniConfig, containerdConfig, containerdSocket, kubeletConfig, kubeProxyConfig } from './node-config.ts';
import { startNodeProcess, type NodeProcess } from './node-process.ts';
import { cniDir, linkPrograms, nodeTools, program, type NodeTools } from './node-tools.ts';
import { startScript } from './init-script.ts';
import { canLowerOomScore } from './oom-score.ts';
import { systemArchive } from './system-images.ts';
import { together } from '../../base/together.ts';
import type { ImageArchive } from '../../images/image.ts';

export interface StartedNode {
  node: NodeProcess;
  kube: KubeClient;
  containerd: ContainerdAccess;
  store: ImageStore;
}

const readyTimeoutMs = 60_000;

/**
 * Brings up the node of a claimed lab: namespaces, link, credentials, components, CoreDNS. Whoever calls deletes the lab
 * when this throws.
 */
export async function startNode(record: LabRecord, context: ClusterContext): Promise<StartedNode> {
  const { progress, signal, toolbox } = context;
  const dir = labDir(record.name);
  const nodeName = `${record.name}-node`;
  const tools = await nodeTools(toolbox);
  const system = await systemArchive(tools, context);
  const store = imageStore(toolbox.cacheDir, tools);
  const env = await linkPrograms(tools, join(dir, 'bin'));
  return progress.step('Starting Kubernetes', async (detail) => {
    await createCgroups(record.id);
    const node = await startNodeProcess({
      dir,
      labId: record.id,
      hostname: nodeName,
      env,
      keep: [toolbox.cacheDir],
      ownedByProcess: record.ownedByProcess,
      signal,
    });
    const link = await createLink({
      ip: program(tools.iproute2, 'ip'),
      env: tools.iproute2.env,
      nodePid: node.pid,
      labId: record.id,
      signal,
      onChosen: async (chosen) => {
        record.link = chosen;
        await saveRecord(record);
      },
    });
    const canLower = await canLowerOomScore();
    await together(signal, [
      () => writeCredentials({ dir, labId: record.id, nodeName, nodeIp: link.nodeIp }),
      () => writeConfigs({ dir, record, tools, nodeName, system, canLower }),
    ]);
    const all = components({ dir, tools, nodeName, nodeIp: link.nodeIp });
    for (const { name, argv, cwd } of all) await writeFile(join(dir, 'start', name), startScript(argv, cwd));
    const start = async (...names: ComponentName[]): Promise<void> => {
      for (const name of names) await node.start(name);
    };
    const containerd: ContainerdAccess = {
      ctr: program(tools.containerd, 'ctr'),
      address: `/proc/${node.pid}/root${containerdSocket}`,
      env: tools.containerd.env,
      signal,
    };
    await start('etcd', 'kube-apiserver');
    const kube = createKubeClient({ kubeconfig: join(dir, 'kubeconfig'), env: {} });
    try {
      await together(signal, [
        (until) => waitForApi(node, kube, '/api/v1/nodes', until, detail),
        async (until) => {
          await store.fill(system, until, detail);
          await store.seed(join(dir, 'containerd'), record.id, until);
          await start('containerd');
          await waitForContainerd(node, containerd, until);
        },
      ]);
      // The node authorizer lets the kubelet in at once; the others need the RBAC roles that are written before /readyz.
      await start('kubelet');
      await waitForApi(node, kube, '/readyz', signal, detail);
      await start('kube-controller-manager', 'kube-scheduler', 'kube-proxy');
      await node.start('wait');
      await kube.apply(coreDns(system.images.find(({ name }) => name === 'coredns')!.ref));
      await waitForNode(node, kube, nodeName, signal, detail);
      return { node, kube, containerd, store };
    } catch (error) {
      kube.close();
      throw error;
    }
  });
}

async function writeConfigs(options: {
  dir: string;
  record: LabRecord;
  tools: NodeTools;
  nodeName: string;
  system: ImageArchive;
  canLower: boolean;
}): Promise<void> {
  const { dir, record, tools, nodeName, system } = options;
  await mkdir(join(dir, 'cni'), { recursive: true });
  const pause = system.images.find(({ name }) => name === 'pause')!.ref;
  const files: Record<string, string> = {
    'containerd.toml': containerdConfig({
      root: join(dir, 'containerd'),
      state: '/run/containerd/state',
      sandboxImage: pause,
      cniBinDir: cniDir(tools),
      cniConfDir: join(dir, 'cni'),
      restrictOomScoreAdj: !options.canLower,
    }),
    'cni/10-meshproof.conflist': cniConfig(),
    // Pods of dnsPolicy Default get this; there is no name server outside the lab.
    'resolv.conf': '# a lab has no way out\n',
    'kubelet.json': kubeletConfig({
      pkiDir: join(dir, 'pki'),
      cgroupRoot: cgroupRootOf(record.id),
      resolvConf: join(dir, 'resolv.conf'),
      cgroupVersion: cgroupLayout().version,
    }),
    'kube-proxy.json': kubeProxyConfig(join(dir, 'kubeconfigs', 'proxy'), nodeName),
  };
  await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(dir, name), content)));
}

async function waitForApi(
  node: NodeProcess,
  kube: KubeClient,
  path: string,
  signal: AbortSignal,
  detail: (text: string) => void,
): Promise<void> {
  await pollUntil(
    async () => {
      await node.check();
      await kube.getText(path, { timeoutMs: 2000 });
      return { ready: true };
    },
    {
      what: 'The API server',
      timeoutMs: readyTimeoutMs,
      intervalMs: 50,
      signal,
      code: 'MESHPROOF_CLUSTER_START',
      onPending: () => detail('the API server starts'),
    },
  );
}

async function waitForContainerd(node: NodeProcess, containerd: ContainerdAccess, signal: AbortSignal): Promise<void> {
  await pollUntil(
    async () => {
      await node.check();
      return loadedImages(containerd).then(
        () => ({ ready: true }),
        () => ({ pending: 'containerd starts' }),
      );
    },
    { what: 'containerd', timeoutMs: readyTimeoutMs, intervalMs: 50, signal, code: 'MESHPROOF_CLUSTER_START' },
  );
}

async function waitForNode(
  node: NodeProcess,
  kube: KubeClient,
  nodeName: string,
  signal: AbortSignal,
  detail: (text: string) => void,
): Promise<void> {
  await pollUntil(
    async () => {
      await node.check();
      const nodes = await kube.list('/api/v1/nodes');
      const object = nodes.find(({ metadata }) => metadata.name === nodeName);
      const conditions = (object?.status?.conditions ?? []) as { type: string; status: string; message: string }[];
      const ready = conditions.find(({ type }) => type === 'Ready');
      if (ready?.status === 'True') return { ready: true };
      return { pending: ready?.message ?? 'the kubelet registers the node' };
    },
    {
      what: 'The node',
      timeoutMs: readyTimeoutMs,
      intervalMs: 50,
      signal,
      code: 'MESHPROOF_CLUSTER_START',
      onPending: detail,
    },
  );
}
