import { join } from 'node:path';
import { createKubeClient } from '../../kube/client.ts';
import type { ClusterContext, ClusterProvider, ClusterSpec, RunningCluster } from '../provider.ts';
import { deleteLab, reapDeadLabs } from './delete-lab.ts';
import { detectEmbedded } from './detect-embedded.ts';
import { imageStore } from './image-store.ts';
import { claimLab, isDead, labDir, readRecord, saveRecord } from './lab-record.ts';
import { hasProcesses, summarizeLabs } from './list-labs.ts';
import { probeMechanisms } from './mechanisms.ts';
import { checkNodeCount, planNodes } from './node-plan.ts';
import { attachNodeProcess } from './node-process.ts';
import { nodeTools } from './node-tools.ts';
import { goBeforePods } from './priority.ts';
import { requireRoot } from './require-root.ts';
import { residue } from './residue.ts';
import { runningLab } from './running-lab.ts';
import { nodeAccess, startNodes } from './start-nodes.ts';

/** Real Kubernetes, one node or a few, in namespaces of its own, from programs of the tool cache: no Docker, no registry. */
export const embeddedProvider: ClusterProvider = {
  name: 'embedded',
  detect: detectEmbedded,
  mechanisms: probeMechanisms,
  list: (options) => summarizeLabs(options),
  delete: (name) => deleteLab(name),
  reap: () => reapDeadLabs(),
  remains: (name) => residue(name),

  async create(spec: ClusterSpec, context: ClusterContext): Promise<RunningCluster> {
    const { nodes = 1 } = spec;
    checkNodeCount(nodes);
    requireRoot();
    goBeforePods();
    context.signal.throwIfAborted();
    await reapDeadLabs();
    const record = await claimLab(spec.name, spec.ownedByProcess);
    if (nodes > 1) record.nodes = nodes;
    try {
      const started = await startNodes(record, context);
      try {
        const version = await started.kube.get<{ gitVersion: string }>('/version');
        Object.assign(record, { kubernetesVersion: version.gitVersion, state: 'running' });
        await saveRecord(record);
        context.signal.throwIfAborted();
        return runningLab(record, started, context);
      } catch (error) {
        started.kube.close();
        throw error;
      }
    } catch (error) {
      await deleteLab(spec.name);
      throw context.signal.aborted ? context.signal.reason : error;
    }
  },

  async attach(name: string, context: ClusterContext): Promise<RunningCluster | undefined> {
    requireRoot();
    goBeforePods();
    const record = await readRecord(name);
    if (record?.state !== 'running' || isDead(record)) return undefined;
    if (!hasProcesses(record)) return undefined;
    const tools = await nodeTools(context.toolbox);
    const dir = labDir(name);
    const nodes = planNodes(record, dir).map((plan) =>
      nodeAccess(plan.name, attachNodeProcess(plan).pid, tools, context.signal),
    );
    const kube = createKubeClient({ kubeconfig: join(dir, 'kubeconfig'), env: {} });
    return runningLab(record, { nodes, kube, store: imageStore(context.toolbox.cacheDir, tools) }, context);
  },
};
