import { isDead, labDir, labEntries, labsRoot, readRecordIn, type LabRecord } from './lab-record.ts';
import { labVariable } from './node-process.ts';
import { labelledProcesses } from '../../base/process-identity.ts';

/** An embedded lab as `status` shows it. */
export interface LabSummary {
  name: string;
  /** `dead`: its owner was killed or the machine restarted; the next create or delete removes it. */
  state: 'creating' | 'running' | 'dead';
  /** False for a lab left by `up`. */
  ownedByProcess: boolean;
  createdAt: string;
  kubernetesVersion?: string;
  nodeIp?: string;
  kubeconfigPath: string;
}

/** Every embedded lab of this user, by name. Changes nothing. */
export async function listLabs(root = labsRoot()): Promise<LabSummary[]> {
  const { labs } = await labEntries(root);
  const records = await Promise.all(labs.sort().map((name) => readRecordIn(labDir(name, root))));
  return records
    .filter((record) => record !== undefined)
    .map((record) => ({
      name: record.name,
      state: isDead(record) || (record.state === 'running' && !hasProcesses(record)) ? 'dead' : record.state,
      ownedByProcess: record.ownedByProcess,
      createdAt: record.createdAt,
      kubernetesVersion: record.kubernetesVersion,
      nodeIp: record.link?.nodeIp,
      kubeconfigPath: `${labDir(record.name, root)}/kubeconfig`,
    }));
}

/** Whether any process of the lab's node lives. */
export function hasProcesses(record: LabRecord): boolean {
  return labelledProcesses(labVariable).some(({ value }) => value === record.id);
}
