import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pollUntil, type Look, type PollOptions } from '../../base/poll.ts';
import { createKubeClient } from '../../kube/client.ts';
import type { KubeClient } from '../../kube/types.ts';
import type { ClusterContext } from '../provider.ts';
import { joinNodes, type BridgedNode } from './bridge.ts';
import { cgroupLayout, createCgroups } from './cgroup.ts';
import { controlPlane, nodeComponents, type Component, type ComponentName } from './components.ts';
import { coreDns } from './core-dns.ts';
import { writeCredentials } from './credentials.ts';
import { loadedImages, type ContainerdAccess } from './image-import.ts';
import { imageStore, type ImageStore } from './image-store.ts';
import { labDir, saveRecord, type LabRecord } from './lab-record.ts';
import { createLink } from './link.ts';
import { cniConfig, containerdConfig, containerdSocket, kubeletConfig, kubeProxyConfig } from './node-config.ts';
import { planNodes, type NodePlan } from './node-plan.ts';
import { startNodeProcess, type NodeProcess } from './node-process.ts';
import { cniDir, linkPrograms, nodeTools, program, type NodeTools } from './node-tools.ts';
import { startScript } from './init-script.ts';
import { canLowerOomScore } from './oom-score.ts';
import type { NodeAccess } from './pod-network.ts';
import { systemArchive } from './system-images.ts';
import { together } from '../../base/together.ts';
import type { ImageArchive } from '../../images/image.ts';

export interface StartedNodes {
  /** The first is that of the control plane. */
  nodes: NodeAccess[];
  kube: KubeClient;
  store: ImageStore;
}

const readyTimeoutMs = 60_000;

/** A node on its way up. */
interface StartingNode extends NodeAccess {
  plan: NodePlan;
  process: NodeProcess;
}

/**
 * Brings up the nodes of a claimed lab: namespaces, link, bridge, credentials, components, CoreDNS. Whoever calls deletes the lab
 * when this throws.
 */
export async function startNodes(record: LabRecord, context: ClusterContext): Promise<StartedNodes> {
  const { progress, signal, toolbox } = context;
  const dir = labDir(record.name);
  const plans = planNodes(record, dir);
  const tools = await nodeTools(toolbox);
  const system = await systemArchive(tools, context);
  const store = imageStore(toolbox.cacheDir, tools);
  const env = await linkPrograms(tools, join(dir, 'bin'));
  return progress.step('Starting Kubernetes', async (detail) => {
    const nodes = await Promise.all(plans.map((plan) => startNamespaces(plan, { record, env, tools, context })));
    const [first] = nodes;
    const ip = program(tools.iproute2, 'ip');
    const link = await createLink({
      ip,
      env: tools.iproute2.env,
      nodePid: first!.pid,
      labId: record.id,
      signal,
      onChosen: async (chosen) => {
        record.link = chosen;
        await saveRecord(record);
      },
    });
    const bridged = nodes.flatMap(({ pid, plan: { number, bridgeIp, podCidr } }): BridgedNode[] =>
      bridgeIp === undefined ? [] : [{ number, pid, bridgeIp, podCidr }],
    );
    const ipOf = ({ bridgeIp }: NodePlan): string => bridgeIp ?? link.nodeIp;
    const canLower = await canLowerOomScore();
    await together(signal, [
      (until) => joinNodes(bridged, { ip, env: tools.iproute2.env, signal: until }),
      () =>
        writeCredentials({
          dir,
          labId: record.id,
          hostSideIp: link.nodeIp,
          nodes: plans.map((plan) => ({ name: plan.name, dir: plan.dir, ip: ipOf(plan) })),
        }),
      ...plans.map((plan) => () => writeConfigs({ plan, tools, system, canLower })),
    ]);
    for (const plan of plans) {
      const options = { dir: plan.dir, tools, nodeIp: ipOf(plan) };
      const own = nodeComponents({ ...options, nodeName: plan.name, zone: plan.zone });
      await writeStartScripts(plan.dir, plan.number === 1 ? [...controlPlane(options), ...own] : own);
    }
    const start = async (some: readonly StartingNode[], ...names: ComponentName[]): Promise<void> => {
      for (const node of some) for (const name of names) await node.process.start(name);
    };
    const check = async (): Promise<void> => {
      for (const { process } of nodes) await process.check();
    };
    const onFirst = nodes.slice(0, 1);
    await start(onFirst, 'etcd', 'kube-apiserver');
    const kube = createKubeClient({ kubeconfig: join(dir, 'kubeconfig'), env: {} });
    const waitFor = waitingWith(check);
    const waitForApi = (path: string, until: AbortSignal): Promise<true> =>
      waitFor('The API server', () => apiAnswers(kube, path), {
        signal: until,
        onPending: () => detail('the API server starts'),
      });
    try {
      await together(signal, [
        (until) => waitForApi('/api/v1/nodes', until),
        async (until) => {
          await store.fill(system, until, detail);
          for (const node of nodes) {
            await store.seed(join(node.plan.dir, 'containerd'), record.id, until);
            await start([node], 'containerd');
          }
          for (const { containerd } of nodes)
            await waitFor('containerd', () => containerdAnswers(containerd), { signal: until });
        },
      ]);
      // The node authorizer lets the kubelets in at once; the others need the RBAC roles that are written before /readyz.
      await start(nodes, 'kubelet');
      await waitForApi('/readyz', signal);
      await start(onFirst, 'kube-controller-manager', 'kube-scheduler');
      await start(nodes, 'kube-proxy');
      for (const { process } of nodes) await process.start('wait');
      await kube.apply(coreDns(system.images.find(({ name }) => name === 'coredns')!.ref));
      await waitFor(plans.length === 1 ? 'The node' : 'The nodes', () => nodesAreReady(kube, plans), {
        signal,
        onPending: detail,
      });
      if (plans.length > 1) await Promise.all(plans.map((plan) => tellPodCidr(kube, plan)));
      return { nodes: nodes.map(({ name, pid, containerd }) => ({ name, pid, containerd })), kube, store };
    } catch (error) {
      kube.close();
      throw error;
    }
  });
}

async function startNamespaces(
  plan: NodePlan,
  {
    record,
    env,
    tools,
    context: { toolbox, signal },
  }: { record: LabRecord; env: Record<string, string>; tools: NodeTools; context: ClusterContext },
): Promise<StartingNode> {
  await createCgroups(plan.cgroupRoot);
  const process = await startNodeProcess({
    dir: plan.dir,
    title: plan.title,
    labId: record.id,
    hostname: plan.name,
    env,
    keep: [labDir(record.name), toolbox.cacheDir],
    ownedByProcess: record.ownedByProcess,
    signal,
  });
  return { ...nodeAccess(plan.name, process.pid, tools, signal), plan, process };
}

/** The ways into a node that runs. */
export function nodeAccess(name: string, pid: number, tools: NodeTools, signal: AbortSignal): NodeAccess {
  const { env } = tools.containerd;
  const address = `/proc/${pid}/root${containerdSocket}`;
  return { name, pid, containerd: { ctr: program(tools.containerd, 'ctr'), address, env, signal } };
}

async function writeStartScripts(dir: string, components: readonly Component[]): Promise<void> {
  for (const { name, argv, cwd } of components) await writeFile(join(dir, 'start', name), startScript(argv, cwd));
}

/** For who reads it off the node: the routes are there already. */
async function tellPodCidr(kube: KubeClient, { name, podCidr }: NodePlan): Promise<void> {
  await kube.patch(`/api/v1/nodes/${name}`, { spec: { podCIDR: podCidr, podCIDRs: [podCidr] } });
}

async function writeConfigs(options: {
  plan: NodePlan;
  tools: NodeTools;
  system: ImageArchive;
  canLower: boolean;
}): Promise<void> {
  const { plan, tools, system } = options;
  const { dir } = plan;
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
    'cni/10-meshproof.conflist': cniConfig(plan.podCidr),
    // Pods of dnsPolicy Default get this; there is no name server outside the lab.
    'resolv.conf': '# a lab has no way out\n',
    'kubelet.json': kubeletConfig({
      pkiDir: join(dir, 'pki'),
      cgroupRoot: plan.cgroupRoot,
      resolvConf: join(dir, 'resolv.conf'),
      cgroupVersion: cgroupLayout().version,
    }),
    'kube-proxy.json': kubeProxyConfig(join(dir, 'kubeconfigs', 'proxy'), plan.name),
  };
  await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(dir, name), content)));
}

/** Polls for something of a lab that starts, as long as all its processes live. */
type WaitFor = (
  what: string,
  look: () => Promise<Look<true>>,
  options: Pick<PollOptions, 'signal' | 'onPending'>,
) => Promise<true>;

function waitingWith(check: () => Promise<void>): WaitFor {
  return (what, look, options) =>
    pollUntil(
      async () => {
        await check();
        return await look();
      },
      { what, timeoutMs: readyTimeoutMs, intervalMs: 50, code: 'MESHPROOF_CLUSTER_START', ...options },
    );
}

async function apiAnswers(kube: KubeClient, path: string): Promise<Look<true>> {
  await kube.getText(path, { timeoutMs: 2000 });
  return { ready: true };
}

async function containerdAnswers(containerd: ContainerdAccess): Promise<Look<true>> {
  return loadedImages(containerd).then(
    () => ({ ready: true }),
    () => ({ pending: 'containerd starts' }),
  );
}

async function nodesAreReady(kube: KubeClient, plans: readonly NodePlan[]): Promise<Look<true>> {
  const objects = await kube.list('/api/v1/nodes');
  for (const { name } of plans) {
    const object = objects.find(({ metadata }) => metadata.name === name);
    const conditions = (object?.status?.conditions ?? []) as { type: string; status: string; message: string }[];
    const ready = conditions.find(({ type }) => type === 'Ready');
    if (ready?.status === 'True') continue;
    const pending = ready?.message ?? 'the kubelet registers the node';
    return { pending: plans.length === 1 ? pending : `${name}: ${pending}` };
  }
  return { ready: true };
}
