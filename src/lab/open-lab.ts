import type { Progress } from '../base/progress.ts';
import { scratchFolder, type ScratchFolder } from '../base/scratch.ts';
import type { ClusterContext, RunningCluster } from '../clusters/provider.ts';
import { buildArchive, imageMap } from '../images/archive.ts';
import { appImages, appTools } from '../apps/app-images.ts';
import type { App } from '../apps/app.ts';
import { defaultApp } from '../apps/default-app.ts';
import { loadApp } from '../apps/load-app.ts';
import { completeApp } from '../apps/running-app.ts';
import { labImages } from './images.ts';
import { checkOwnMesh, givenPrograms, nameTheLab, type OwnMesh, setupOf, toolsOf } from './own-mesh.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import { inDialect } from '../meshes/in-dialect.ts';
import { meshes, type MeshName } from '../meshes/index.ts';
import { refuseOtherMeshes } from '../meshes/other-meshes.ts';
import { neededTools } from '../tools/doctor.ts';
import { checkPlatform } from '../tools/platform.ts';
import { createToolbox } from '../tools/toolbox.ts';
import { MeshproofError } from '../base/errors.ts';
import { knownSecrets } from '../evidence/known-secrets.ts';
import { labSecrets } from '../evidence/lab-secrets.ts';
import { checkFingerprint, fingerprintOf, saveFingerprint } from './fingerprint.ts';
import { checkNodes } from './check-nodes.ts';
import { Lab, replicas } from './lab.ts';
import { chooseRelease, toolsLock } from './mesh-release.ts';
import { prepareMachine } from './prepare-machine.ts';

export interface OpenLabOptions {
  /** `auto`, or the name of an entry of `clusters`. */
  cluster: string;
  /** Of a cluster that is made; one that is there has to have as many. Default: 1, or what is there. */
  nodes?: number | undefined;
  /** The application under test; default: the one that comes first with meshproof. */
  app?: App | undefined;
  /** Name of an entry of `meshes`. */
  mesh: MeshName;
  /** What the user says of the mesh: what he built of it, and how it is installed. */
  ownMesh?: OwnMesh | undefined;
  /** A lab by this name is used if it is up; else one is made. */
  lab?: string | undefined;
  /** Made to outlive this process (`up`). */
  stay?: boolean | undefined;
  /** Names the throw-away lab of a run. */
  runId?: string | undefined;
  progress: Progress;
  signal: AbortSignal;
}

/** Name of the lab that a run makes for itself. */
export function throwAwayName(runId: string): string {
  return `run-${runId.slice(-13).replaceAll(/[^a-z0-9-]/g, '')}`;
}

/**
 * A lab that answers data calls: an existing one by name, or a new one. On failure nothing of it stays. Whoever calls holds its
 * lock (`lockLab`).
 *
 * @throws MeshproofError MESHPROOF_LAB_STALE when the lab has other images, another mesh, another app or other nodes than would be made;
 * MESHPROOF_MESH_CONFLICT when somebody else put a mesh into it;
 * others with exit code 3: platform, tools, cluster, images, mesh or workloads could not be made to work.
 */
export async function openLab(options: OpenLabOptions): Promise<Lab> {
  const { progress, signal, stay = false } = options;
  checkPlatform();
  const entry: MeshEntry = meshes[options.mesh];
  await checkOwnMesh(options.ownMesh ?? {}, { mesh: entry, lab: options.lab });
  const meshEntry = inDialect(entry, options.ownMesh?.dialect);
  const ownMesh = await chooseRelease(options.ownMesh ?? {}, meshEntry, { progress, signal });
  const { installed, binaries, images: archives } = ownMesh;
  const meshTools = toolsOf(meshEntry, ownMesh);
  const toolbox = createToolbox({
    ...{ progress, signal },
    given: givenPrograms(ownMesh, { tools: meshTools }),
    lock: toolsLock(ownMesh, meshEntry),
  });
  const app = options.app ?? (await loadApp(defaultApp));
  const tools = neededTools({ also: [...meshTools, ...appTools(app)] });
  const { provider, mechanisms } = await prepareMachine({ cluster: options.cluster, tools, toolbox, progress });
  const name = options.lab ?? throwAwayName(options.runId ?? 'x');
  const context: ClusterContext = { toolbox, progress, signal };
  const archiveOf = progress.step('images', async () =>
    buildArchive(
      [
        ...(await labImages(toolbox, { mesh: installed ? { images: {} } : meshEntry, own: ownMesh, signal })),
        ...(await appImages(app, { toolbox, signal })),
      ],
      {
        cacheDir: toolbox.cacheDir,
        progress,
        signal,
      },
    ),
  );
  // Started together; a failure of the one must not leave the other behind unseen.
  const [built, opened] = await Promise.allSettled([archiveOf, clusterOf()]);
  if (built.status === 'rejected' || opened.status === 'rejected') {
    if (opened.status === 'fulfilled' && opened.value.made) await opened.value.cluster.delete();
    throw built.status === 'rejected' ? built.reason : (opened as PromiseRejectedResult).reason;
  }
  const { cluster, made } = opened.value;
  let scratch: ScratchFolder | undefined;
  try {
    scratch = await scratchFolder(cluster.stateDir);
    const images = imageMap(built.value);
    const mesh = meshEntry.open({
      ...{ kube: cluster.kube, kubeconfigPath: cluster.kubeconfigPath, images, progress, signal },
      namespace: app.namespace,
      setup: setupOf(ownMesh),
      tool: (tool) => toolbox.get(tool),
    });
    const objects = await app.manifests?.({ namespace: app.namespace, replicas, images });
    const fingerprint = fingerprintOf({
      images,
      mesh: {
        name: mesh.name,
        // One that was there is not made of ours.
        tools: installed ? [] : await Promise.all(meshTools.map((tool) => toolbox.get(tool))),
        setup: setupOf(ownMesh),
        own: { binaries, images: archives },
      },
      apps: objects === undefined ? [] : [{ id: app.id, objects }],
    });
    if (!made) {
      await checkFingerprint(name, cluster.stateDir, fingerprint);
      await refuseOtherMeshes(cluster.kube, meshEntry, { all: Object.values(meshes), namespace: app.namespace });
    }
    await progress.step('loading images', () => cluster.loadImages(built.value));
    const lab = new Lab({
      app: await completeApp(app, cluster.kube),
      cluster,
      mesh,
      meshEntry,
      images,
      toolbox,
      owned: made && !stay,
      mechanisms,
      scratch: scratch.path,
    });
    try {
      await lab.bringUp({ progress, signal });
    } finally {
      // Also on failure: its error may quote them.
      for (const secret of await labSecrets(cluster).catch(() => [])) knownSecrets.add(secret);
    }
    await saveFingerprint(cluster.stateDir, fingerprint);
    return lab;
  } catch (error) {
    await scratch?.[Symbol.asyncDispose]();
    if (made) await cluster.delete();
    throw error;
  }

  async function clusterOf(): Promise<{ cluster: RunningCluster; made: boolean }> {
    const attached = options.lab === undefined ? undefined : await provider.attach(name, context);
    if (attached !== undefined) {
      await checkNodes(attached, options.nodes).catch((error: unknown) => {
        attached.kube.close();
        throw error;
      });
      return { cluster: attached, made: false };
    }
    if (installed)
      throw new MeshproofError(
        'MESHPROOF_LAB_UNKNOWN',
        `There is no lab ${name} whose mesh could be adopted`,
        nameTheLab,
      );
    if (options.lab !== undefined && !stay) {
      throw new MeshproofError(
        'MESHPROOF_LAB_UNKNOWN',
        `There is no lab ${name}`,
        `Make it with \`./bin/meshproof up --lab ${name}\`, or leave --lab out.`,
      );
    }
    const cluster = await progress.step('Kubernetes', () =>
      provider.create({ name, ownedByProcess: !stay, nodes: options.nodes }, context),
    );
    return { cluster, made: true };
  }
}
