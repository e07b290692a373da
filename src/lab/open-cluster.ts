import type { Progress } from '../base/progress.ts';
import { MeshproofError } from '../base/errors.ts';
import type { RunningCluster } from '../clusters/provider.ts';
import { neededTools } from '../tools/doctor.ts';
import { checkPlatform } from '../tools/platform.ts';
import { createToolbox } from '../tools/toolbox.ts';
import { bareCluster, saveFingerprint } from './fingerprint.ts';
import { prepareMachine } from './prepare-machine.ts';

/**
 * A cluster without mesh and application, for a mesh that the user installs himself; it outlives this process. On failure nothing
 * of it stays. Whoever calls holds its lock (`lockLab`).
 *
 * @throws MeshproofError MESHPROOF_LAB_BUSY when there is a lab of that name; others with exit code 3
 */
export async function openCluster(options: {
  name: string;
  cluster: string;
  progress: Progress;
  signal: AbortSignal;
}): Promise<RunningCluster> {
  const { name, progress, signal } = options;
  checkPlatform();
  const toolbox = createToolbox({ progress, signal });
  const { provider } = await prepareMachine({ cluster: options.cluster, tools: neededTools(), toolbox, progress });
  const context = { toolbox, progress, signal };
  const there = await provider.attach(name, context);
  if (there !== undefined) {
    there.kube.close();
    throw new MeshproofError(
      'MESHPROOF_LAB_BUSY',
      `There is a lab ${name} already`,
      `Take another name, or make it anew with \`./bin/meshproof up --lab ${name} --cluster-only --recreate\`.`,
    );
  }
  const made = await progress.step('Kubernetes', () => provider.create({ name, ownedByProcess: false }, context));
  try {
    await saveFingerprint(made.stateDir, bareCluster);
    return made;
  } catch (error) {
    await made.delete();
    throw error;
  }
}
