import { silentProgress } from '../base/progress.ts';
import { lockLab } from '../clusters/lab-lock.ts';
import { deleteLab } from '../clusters/labs.ts';
import { openCluster as make } from '../lab/open-cluster.ts';
import { defaults } from './defaults.ts';
import type { LabSettings } from './open-lab.ts';
import { interruptible, ownMeshOf } from './run.ts';

export interface ClusterSettings extends Pick<
  LabSettings,
  'cluster' | 'nodes' | 'mesh' | 'meshBinaries' | 'meshImages' | 'meshRelease' | 'recreate' | 'progress' | 'signal'
> {
  lab: string;
}

export interface Cluster {
  name: string;
  kubeconfigPath: string;
  /** References of what was loaded of the mesh that was named, by the names of its images. */
  images: Record<string, string>;
}

/**
 * A cluster alone, without mesh and application, that stays: to install a mesh into, which `openLab` then adopts
 * (`meshInstalled`). Images of a mesh that is named are loaded: no registry can be reached from an embedded lab. `meshproof down`
 * removes it.
 *
 * @throws MeshproofError MESHPROOF_LAB_BUSY when there is a lab of that name; others with exit code 3: then nothing of it stays
 */
export async function openCluster(settings: ClusterSettings): Promise<Cluster> {
  const { lab: name, mesh, cluster: kind = defaults.cluster, progress = silentProgress(), recreate = false } = settings;
  const { binaries, images: archives, release } = ownMeshOf(settings);
  await using _lock = await lockLab(name, 'up');
  using stop = interruptible(settings.signal);
  if (recreate) await progress.step(`deleting the lab ${name}`, () => deleteLab(name));
  const { cluster, images } = await make({
    ...{ name, cluster: kind, nodes: settings.nodes, mesh, progress, signal: stop.signal },
    ownMesh: { binaries, images: archives, release },
  });
  cluster.kube.close();
  return {
    name,
    kubeconfigPath: cluster.kubeconfigPath,
    images: Object.fromEntries(Object.entries(images).map(([image, { ref }]) => [image, ref])),
  };
}
