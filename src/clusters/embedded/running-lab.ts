import { join } from 'node:path';
import type { KubeObject } from '../../kube/types.ts';
import type { ClusterContext, NodeInfo, RunningCluster } from '../provider.ts';
import { deleteLab } from './delete-lab.ts';
import { hasAll, importArchive, loadedImages } from './image-import.ts';
import { labDir, type LabRecord } from './lab-record.ts';
import { podNetworkOf } from './pod-network.ts';
import { residue } from './residue.ts';
import type { StartedNodes } from './start-nodes.ts';

/** An embedded lab that is up. */
export function runningLab(record: LabRecord, started: StartedNodes, context: ClusterContext): RunningCluster {
  const { kube, nodes, store } = started;
  const remove = async (): Promise<void> => {
    kube.close();
    await deleteLab(record.name);
  };
  return {
    name: record.name,
    provider: 'embedded',
    kubernetesVersion: record.kubernetesVersion ?? 'unknown',
    kubeconfigPath: join(labDir(record.name), 'kubeconfig'),
    stateDir: labDir(record.name),
    kube,
    nodes: async () => (await kube.list('/api/v1/nodes')).map(nodeInfo),
    loadImages: (archive) =>
      context.progress.step('Loading images', async (detail) => {
        let imported = false;
        // One after the other: an import uses every core by itself.
        for (const { name, containerd } of nodes) {
          if (hasAll(await loadedImages(containerd), archive)) continue;
          const where = nodes.length === 1 ? '' : `, ${name}`;
          detail(`${archive.images.length} images, ${Math.round(archive.bytes / 1e6)} MB${where}`);
          await importArchive(containerd, archive);
          imported = true;
        }
        if (imported) await store.want(archive);
      }),
    delete: remove,
    remains: () => residue(record.name),
    podNetwork: podNetworkOf(nodes),
    [Symbol.asyncDispose]: remove,
  };
}

function nodeInfo(node: KubeObject): NodeInfo {
  const { addresses, nodeInfo: info } = node.status as {
    addresses: { type: string; address: string }[];
    nodeInfo: { kubeletVersion: string; kernelVersion: string; containerRuntimeVersion: string };
  };
  return {
    name: node.metadata.name,
    ip: addresses.find(({ type }) => type === 'InternalIP')?.address ?? '',
    kubeletVersion: info.kubeletVersion,
    kernelVersion: info.kernelVersion,
    containerRuntime: info.containerRuntimeVersion,
  };
}
