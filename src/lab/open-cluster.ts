import { MeshproofError } from '../base/errors.ts';
import type { Progress } from '../base/progress.ts';
import type { RunningCluster } from '../clusters/provider.ts';
import { buildArchive, imageMap } from '../images/archive.ts';
import type { ImageMap } from '../images/image.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import { meshes, type MeshName } from '../meshes/index.ts';
import { neededTools } from '../tools/doctor.ts';
import { checkPlatform } from '../tools/platform.ts';
import { createToolbox } from '../tools/toolbox.ts';
import { bareCluster, saveFingerprint } from './fingerprint.ts';
import { labImages } from './images.ts';
import { chooseRelease, toolsLock } from './mesh-release.ts';
import { checkOwnMesh, type OwnMesh, toolsOf } from './own-mesh.ts';
import { prepareMachine } from './prepare-machine.ts';

export interface OpenClusterOptions {
  name: string;
  cluster: string;
  /** Default: 1. */
  nodes?: number | undefined;
  /** Its images are loaded: a node may reach no registry. */
  mesh?: MeshName | undefined;
  ownMesh?: Pick<OwnMesh, 'binaries' | 'images' | 'release'> | undefined;
  progress: Progress;
  signal: AbortSignal;
}

/**
 * A cluster without mesh and application, for a mesh that the user installs himself; it outlives this process. On failure nothing
 * of it stays. Whoever calls holds its lock (`lockLab`).
 *
 * @throws MeshproofError MESHPROOF_LAB_BUSY when there is a lab of that name; MESHPROOF_USAGE; others with exit code 3
 */
export async function openCluster(options: OpenClusterOptions): Promise<{ cluster: RunningCluster; images: ImageMap }> {
  const { name, mesh, ownMesh: asked = {}, progress, signal } = options;
  checkPlatform();
  const entry: MeshEntry | undefined = mesh && meshes[mesh];
  if (entry !== undefined) await checkOwnMesh(asked, { mesh: entry, lab: name });
  const own = entry === undefined ? asked : await chooseRelease(asked, entry, { progress, signal });
  const tools = entry === undefined ? [] : toolsOf(entry, own);
  const given = own.binaries === undefined ? undefined : { folder: own.binaries, tools };
  const toolbox = createToolbox({ progress, signal, given, ...(entry && { lock: toolsLock(own, entry) }) });
  const needed = neededTools({ also: tools });
  const { provider } = await prepareMachine({ cluster: options.cluster, tools: needed, toolbox, progress });
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
  const archive =
    entry &&
    (await progress.step('images', async () =>
      buildArchive(await labImages(toolbox, { names: Object.keys(entry.images), mesh: entry, own, signal }), {
        cacheDir: toolbox.cacheDir,
        progress,
        signal,
      }),
    ));
  const cluster = await progress.step('Kubernetes', () =>
    provider.create({ name, ownedByProcess: false, nodes: options.nodes }, context),
  );
  try {
    if (archive !== undefined) await progress.step('loading images', () => cluster.loadImages(archive));
    await saveFingerprint(cluster.stateDir, bareCluster);
    return { cluster, images: archive === undefined ? {} : imageMap(archive) };
  } catch (error) {
    await cluster.delete();
    throw error;
  }
}
