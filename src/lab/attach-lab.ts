import { MeshproofError } from '../base/errors.ts';
import type { Progress } from '../base/progress.ts';
import { chooseProvider, detectProviders } from '../clusters/detect.ts';
import type { RunningCluster } from '../clusters/provider.ts';
import type { ImageMap } from '../images/image.ts';
import { builtImage } from '../images/oci.ts';
import { hasEnded, isTerminating } from '../kube/pod-status.ts';
import type { KubeClient } from '../kube/types.ts';
import type { MeshAdapter } from '../meshes/adapter.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import { inDialect } from '../meshes/in-dialect.ts';
import { meshes } from '../meshes/index.ts';
import { hasContainer, type PodJson } from '../observe/health/pod.ts';
import type { Toolbox } from '../tools/tool.ts';
import { createToolbox } from '../tools/toolbox.ts';
import { readFingerprint } from './fingerprint.ts';
import { toolsLock } from './mesh-release.ts';
import { givenPrograms } from './own-mesh.ts';

/** A lab that is up, with the mesh that was deployed there, to be looked at in one namespace. */
export interface AttachedLab {
  name: string;
  cluster: RunningCluster;
  kube: KubeClient;
  meshEntry: MeshEntry;
  mesh: MeshAdapter;
  toolbox: Toolbox;
  /** Of the application that is looked at. */
  namespace: string;
  /** Ids of the apps that it was given. */
  apps: readonly string[];
  /** What it was given of meshproof's own. */
  images: ImageMap;
}

/**
 * Finds a lab; nothing is installed, loaded or changed, and nobody who uses it is disturbed.
 *
 * @param options.namespace default: the only one that has pods in the mesh
 * @throws MeshproofError MESHPROOF_LAB_UNKNOWN, MESHPROOF_LAB_STALE when nobody can tell which mesh it has, MESHPROOF_USAGE
 * when it cannot be told which namespace is meant
 */
export async function attachLab(options: {
  lab: string;
  namespace?: string | undefined;
  progress: Progress;
  signal: AbortSignal;
}): Promise<AttachedLab> {
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
  try {
    const fingerprint = await readFingerprint(cluster.stateDir);
    const name = fingerprint?.mesh?.name;
    const entry = (Object.values(meshes) as MeshEntry[]).find((mesh) => mesh.name === name);
    if (entry === undefined) {
      throw new MeshproofError(
        'MESHPROOF_LAB_STALE',
        `The lab ${lab} has ${name === undefined ? 'no record of its mesh' : `the mesh ${name}, which this version does not know`}`,
        `Make it anew with \`./bin/meshproof up --lab ${lab} --recreate\`.`,
      );
    }
    const meshEntry = inDialect(entry, fingerprint?.mesh?.setup?.dialect);
    const images = Object.fromEntries(
      Object.entries(fingerprint?.images ?? {}).map(([image, digest]) => [image, builtImage(image, digest)]),
    );
    const toolbox = createToolbox({
      ...{ progress, signal },
      given: givenPrograms(fingerprint?.mesh?.own ?? {}, meshEntry),
      lock: toolsLock(fingerprint?.mesh?.setup ?? {}, meshEntry),
    });
    const open = (namespace: string): MeshAdapter =>
      meshEntry.open({
        ...{ kube, kubeconfigPath: cluster.kubeconfigPath, images, namespace, progress, signal },
        setup: fingerprint?.mesh?.setup,
        tool: (tool) => toolbox.get(tool),
      });
    const namespace =
      options.namespace ??
      (await onlyMeshed(kube, open('default').sidecarContainer, { lab, apart: meshEntry.namespaces }));
    const apps = Object.keys(fingerprint?.apps ?? {});
    return { name: lab, cluster, kube, meshEntry, mesh: open(namespace), toolbox, namespace, apps, images };
  } catch (error) {
    kube.close();
    throw error;
  }
}

/**
 * The namespace whose pods have sidecars.
 *
 * @param options.apart the mesh's own: some meshes have their control plane in themselves
 * @throws MeshproofError MESHPROOF_USAGE when there are none, or several
 */
async function onlyMeshed(
  kube: KubeClient,
  sidecar: string,
  { lab, apart }: { lab: string; apart: readonly string[] },
): Promise<string> {
  const pods = await kube.list<PodJson>('/api/v1/pods');
  const meshed = pods.filter(
    (pod) =>
      !apart.includes(pod.metadata.namespace ?? '') &&
      !isTerminating(pod) &&
      !hasEnded(pod) &&
      hasContainer(pod, sidecar),
  );
  const [namespace, ...others] = [...new Set(meshed.map(({ metadata }) => metadata.namespace ?? ''))].sort();
  if (namespace !== undefined && others.length === 0) return namespace;
  throw new MeshproofError(
    'MESHPROOF_USAGE',
    namespace === undefined
      ? `No pod of the lab ${lab} has a sidecar ${sidecar}`
      : `The lab ${lab} has pods in its mesh in several namespaces: ${[namespace, ...others].join(', ')}`,
    namespace === undefined
      ? 'Is the application still starting? A pod that was made before the mesh was ready stays outside: delete it.'
      : 'Choose one with --namespace.',
  );
}
