import { join } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import { labelledProcesses } from '../../base/process-identity.ts';
import { createKubeClient } from '../../kube/client.ts';
import type { ClusterSummary } from '../provider.ts';
import { causeOfDeath, labDir, labEntries, labsRoot, readRecordIn, type LabRecord } from './lab-record.ts';
import { labVariable } from './node-process.ts';

const answerTimeoutMs = 2000;

/** Every embedded lab of this user, by name: what its record says, its processes and its API server. Changes nothing. */
export async function summarizeLabs({ ask }: { ask: boolean }, root = labsRoot()): Promise<ClusterSummary[]> {
  const { labs } = await labEntries(root);
  return Promise.all(
    labs.sort().map(async (name) => {
      const stateDir = labDir(name, root);
      const kubeconfigPath = join(stateDir, 'kubeconfig');
      const record = await readRecordIn(stateDir);
      const common = { name, provider: 'embedded', kubeconfigPath, stateDir };
      if (record === undefined) return { ...common, state: 'dead', reason: 'its record cannot be read', kept: false };
      const { createdAt, kubernetesVersion } = record;
      const kept = !record.ownedByProcess;
      return {
        ...common,
        kept,
        createdAt,
        kubernetesVersion,
        ...(await stateOf(record, ask ? kubeconfigPath : undefined)),
      };
    }),
  );
}

async function stateOf(
  record: LabRecord,
  kubeconfig: string | undefined,
): Promise<Pick<ClusterSummary, 'state' | 'reason'>> {
  const cause = causeOfDeath(record);
  if (cause !== undefined) return { state: 'dead', reason: cause };
  if (record.state === 'creating') return { state: 'creating' };
  if (!hasProcesses(record)) return { state: 'dead', reason: 'none of its processes is left' };
  const reason = kubeconfig === undefined ? undefined : await whyNotReady(kubeconfig);
  return reason === undefined ? { state: 'running' } : { state: 'not answering', reason };
}

async function whyNotReady(kubeconfig: string): Promise<string | undefined> {
  try {
    const kube = createKubeClient({ kubeconfig });
    try {
      await kube.getText('/readyz', { timeoutMs: answerTimeoutMs });
      return undefined;
    } finally {
      kube.close();
    }
  } catch (error) {
    return messageOf(error);
  }
}

/** Whether any process of the lab's node lives. */
export function hasProcesses(record: LabRecord): boolean {
  return labelledProcesses(labVariable).some(({ value }) => value === record.id);
}
