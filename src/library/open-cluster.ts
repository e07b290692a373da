import { silentProgress } from '../base/progress.ts';
import { lockLab } from '../clusters/lab-lock.ts';
import { deleteLab } from '../clusters/labs.ts';
import { openCluster as make } from '../lab/open-cluster.ts';
import { defaults } from './defaults.ts';
import type { LabSettings } from './open-lab.ts';
import { interruptible } from './run.ts';

export type ClusterSettings = Pick<LabSettings, 'cluster' | 'recreate' | 'progress' | 'signal'> & { lab: string };

/**
 * A cluster alone, without mesh and application, that stays: to install a mesh into, which `openLab` then adopts
 * (`meshInstalled`). `meshproof down` removes it.
 *
 * @throws MeshproofError MESHPROOF_LAB_BUSY when there is a lab of that name; others with exit code 3: then nothing of it stays
 */
export async function openCluster(settings: ClusterSettings): Promise<{ name: string; kubeconfigPath: string }> {
  const { lab: name, cluster = defaults.cluster, progress = silentProgress(), recreate = false } = settings;
  await using _lock = await lockLab(name, 'up');
  using stop = interruptible(settings.signal);
  if (recreate) await progress.step(`deleting the lab ${name}`, () => deleteLab(name));
  const { kubeconfigPath, kube } = await make({ name, cluster, progress, signal: stop.signal });
  kube.close();
  return { name, kubeconfigPath };
}
