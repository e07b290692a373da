import { MeshproofError } from '../base/errors.ts';
import type { Progress } from '../base/progress.ts';
import { chooseProvider, detectProviders } from '../clusters/detect.ts';
import type { KubeClient } from '../kube/types.ts';
import type { MeshAdapter } from '../meshes/adapter.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import { meshes } from '../meshes/index.ts';
import { createToolbox } from '../tools/toolbox.ts';
import { readFingerprint } from './fingerprint.ts';

/**
 * A lab that is up, to be looked at, with the mesh that was deployed there: nothing is installed, loaded or changed.
 *
 * @throws MeshproofError MESHPROOF_LAB_UNKNOWN, MESHPROOF_LAB_STALE when nobody can tell which mesh it has
 */
export async function attachLab(options: {
  lab: string;
  /** Of the application that is looked at. */
  namespace: string;
  progress: Progress;
  signal: AbortSignal;
}): Promise<{ kube: KubeClient; meshEntry: MeshEntry; mesh: Pick<MeshAdapter, 'metrics' | 'components'> }> {
  const { lab, namespace, progress, signal } = options;
  const { provider } = await chooseProvider('auto', await detectProviders());
  const toolbox = createToolbox({ progress, signal });
  const cluster = await provider.attach(lab, { toolbox, progress, signal });
  if (cluster === undefined) {
    throw new MeshproofError(
      'MESHPROOF_LAB_UNKNOWN',
      `There is no lab ${lab}`,
      '`./bin/meshproof status` lists the labs; `./bin/meshproof up --lab NAME` makes one.',
    );
  }
  const { kube } = cluster;
  const name = (await readFingerprint(cluster.stateDir))?.mesh.name;
  const entry = (Object.values(meshes) as MeshEntry[]).find((mesh) => mesh.name === name);
  if (entry === undefined) {
    kube.close();
    throw new MeshproofError(
      'MESHPROOF_LAB_STALE',
      `The lab ${lab} has ${name === undefined ? 'no record of its mesh' : `the mesh ${name}, which this version does not know`}`,
      `Make it anew with \`./bin/meshproof up --lab ${lab} --recreate\`.`,
    );
  }
  return {
    kube,
    meshEntry: entry,
    mesh: entry.open({ kube, images: {}, namespace, tool: (tool) => toolbox.get(tool), progress, signal }),
  };
}
