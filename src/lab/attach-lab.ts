import { MeshproofError } from '../base/errors.ts';
import type { Progress } from '../base/progress.ts';
import { chooseProvider, detectProviders } from '../clusters/detect.ts';
import type { KubeClient } from '../kube/types.ts';
import type { MeshAdapter } from '../meshes/adapter.ts';
import { consulAdapter } from '../meshes/consul/adapter.ts';
import { createToolbox } from '../tools/toolbox.ts';

/**
 * A lab that is up, to be looked at: nothing is installed, loaded or changed.
 *
 * @throws MeshproofError MESHPROOF_LAB_UNKNOWN
 */
export async function attachLab(options: {
  lab: string;
  mesh: 'consul';
  progress: Progress;
  signal: AbortSignal;
}): Promise<{ kube: KubeClient; mesh: Pick<MeshAdapter, 'metrics'> }> {
  const { lab, progress, signal } = options;
  const { provider } = await chooseProvider('auto', await detectProviders());
  const cluster = await provider.attach(lab, { toolbox: createToolbox({ progress, signal }), progress, signal });
  if (cluster === undefined) {
    throw new MeshproofError(
      'MESHPROOF_LAB_UNKNOWN',
      `There is no lab ${lab}`,
      '`./bin/meshproof status` lists the labs; `./bin/meshproof up --lab NAME` makes one.',
    );
  }
  const { kube } = cluster;
  return { kube, mesh: consulAdapter({ kube, images: {}, progress, signal }) };
}
