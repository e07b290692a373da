import { MeshproofError } from '../../base/errors.ts';
import { pollUntil } from '../../base/poll.ts';
import { getIfThere } from '../../kube/get-if-there.ts';
import { podTrouble, throwIfFatal } from '../../kube/pod-trouble.ts';
import type { KubeObject } from '../../kube/types.ts';
import type { MeshContext } from '../adapter.ts';
import { asksForSidecar } from '../injector-gate.ts';
import { isLive } from '../meshed-pod.ts';
import { chooseIstio, refuseOldDefinitions, type ChosenIstio } from './choose.ts';
import { findIstio, type FoundIstio } from './found.ts';
import type { Injection } from './inject.ts';
import { injectionTrouble, takenBy, type Place } from './injectors.ts';
import { istiodPods, type IstioInstallation } from './installation.ts';
import { overlooks, readMeshConfig, type MeshConfig } from './mesh-config.ts';
import { defaultRevision, labels, sidecarContainer } from './names.ts';
import { dialectOf } from './dialects.ts';
import { istioKinds, kinds } from './resources.ts';

/** It is there already: it may be in the middle of a rollout, and no longer. */
const readyTimeoutMs = 60_000;

/** What meshproof writes, by the names of its definitions. */
const written: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    istioKinds.map((kind) => {
      const { apiVersion, plural } = kinds[kind];
      const [group, version = ''] = apiVersion.split('/');
      return [`${plural}.${group}`, version];
    }),
  ),
  'envoyfilters.networking.istio.io': 'v1alpha3',
};

/** An Istio that is there, seen whole. */
export interface SeenIstio {
  installation: IstioInstallation;
  found: FoundIstio;
  chosen: ChosenIstio;
  config: MeshConfig;
}

/** Looks which Istio is meant, and what it is; nothing is changed, and nothing is waited for. @throws as `chooseIstio` */
export async function lookAtIstio({ kube, setup = {} }: Pick<MeshContext, 'kube' | 'setup'>): Promise<SeenIstio> {
  const found = await findIstio(kube);
  const chosen = chooseIstio(found, setup.revision);
  const config = await readMeshConfig(kube, chosen.istiod);
  const { istiod, revision, tags } = chosen;
  const installation: IstioInstallation = {
    adopted: true,
    namespace: istiod.namespace,
    revision,
    tags,
    deployment: istiod.name,
    trustDomain: config.trustDomain,
    ...(setup.dialect !== undefined && { dialect: setup.dialect }),
  };
  return { installation, found, chosen, config };
}

/**
 * An Istio that is there, taken as it is: it answers, its injector takes the application's pods, and its definitions are those
 * that meshproof writes. Nothing is changed.
 *
 * @param options.deploys pods are still to be made in the application's namespace
 * @param options.timeoutMs until it answers, and until its injector does
 * @throws MeshproofError MESHPROOF_MESH_UNKNOWN, MESHPROOF_MESH_CONFLICT, MESHPROOF_MESH_NOT_READY
 */
export async function adoptIstio(
  context: MeshContext,
  { deploys, timeoutMs = readyTimeoutMs }: { deploys: boolean; timeoutMs?: number },
): Promise<SeenIstio & { injection: Injection }> {
  const { kube, namespace } = context;
  const seen = await lookAtIstio(context);
  const { found, chosen, installation } = seen;
  refuseOldDefinitions(found, written);
  await dialectOf(context.setup ?? {})?.check(context, installation);
  const [there, pods] = await Promise.all([
    getIfThere(kube, `/api/v1/namespaces/${namespace}`),
    kube.list(`/api/v1/namespaces/${namespace}/pods`),
  ]);
  const place: Place = { name: namespace, labels: there?.metadata.labels ?? {} };
  const trouble = adoptionTrouble(seen, { place, pods: pods.filter(isLive), deploys });
  if (trouble !== undefined) {
    throw new MeshproofError(
      'MESHPROOF_MESH_CONFLICT',
      `Istio of revision ${chosen.revision} cannot be adopted for namespace ${namespace}: ${trouble}`,
      `Look at the labels of the namespace (kubectl get namespace ${namespace} --show-labels), make pods anew after a change, or choose another revision with --mesh-revision.`,
    );
  }
  await istiodAnswers(context, installation, timeoutMs);
  await injectorAnswers(context, seen, { own: there === undefined ? [] : [place], timeoutMs });
  return { ...seen, injection: injectionOf(seen) };
}

function injectionOf({ found: { injectors }, chosen, config }: SeenIstio): Injection {
  const { revision, tags, label } = chosen;
  return {
    revision,
    names: [revision, ...tags],
    label,
    trouble: (place) => injectionTrouble(injectors, { revision, place }) ?? overlooks(config, place),
    settingsByPod: true,
  };
}

/** Pure: why the application's pods are not, or would not stay, in this Istio. */
export function adoptionTrouble(
  { found: { injectors }, chosen, config }: Pick<SeenIstio, 'found' | 'chosen' | 'config'>,
  { place, pods, deploys }: { place: Place; pods: readonly KubeObject[]; deploys: boolean },
): string | undefined {
  const { revision, label } = chosen;
  for (const { metadata } of pods) {
    const has = sidecarRevision(metadata);
    if (has === undefined) continue;
    if (has !== revision) return `pod ${metadata.name} has the sidecar of revision ${has}`;
    const later = injectionTrouble(injectors, { revision, place, pod: metadata.labels ?? {} });
    if (later !== undefined) return `a pod in the place of ${metadata.name} would not have its sidecar: ${later}`;
  }
  const everywhere = takenBy(injectors, { name: `${place.name}-plain`, labels: {} });
  if (everywhere.length > 0)
    return `${everywhere[0]?.name} takes namespaces that ask for nothing: control arms need the app outside of the mesh too`;
  const marked = deploys ? { ...place, labels: { ...place.labels, ...label } } : place;
  return (deploys ? injectionTrouble(injectors, { revision, place: marked }) : undefined) ?? overlooks(config, marked);
}

/** The injector writes on a pod what it put in, and which revision it is. */
export function sidecarRevision({ annotations = {} }: KubeObject['metadata']): string | undefined {
  const status = annotations['sidecar.istio.io/status'];
  if (status === undefined) return undefined;
  try {
    return (JSON.parse(status) as { revision?: string }).revision ?? defaultRevision;
  } catch {
    return undefined;
  }
}

async function istiodAnswers(
  { kube, signal }: Pick<MeshContext, 'kube' | 'signal'>,
  { namespace, deployment, revision }: IstioInstallation,
  timeoutMs: number,
): Promise<void> {
  await pollUntil(
    async () => {
      const { status } = await kube.get(`/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}`);
      if ((status?.readyReplicas ?? 0) > 0) return { ready: true };
      const pods = await kube.list(`/api/v1/namespaces/${namespace}/pods`, istiodPods(revision));
      for (const pod of pods.filter(isLive)) {
        const trouble = podTrouble(pod);
        if (trouble === undefined) continue;
        await throwIfFatal(kube, trouble);
        return { pending: trouble.reason };
      }
      return { pending: `${namespace}/${deployment} has no ready pod` };
    },
    {
      what: `istiod of revision ${revision} is ready`,
      timeoutMs,
      intervalMs: 500,
      signal,
      code: 'MESHPROOF_MESH_NOT_READY',
      hint: `Look at it: kubectl -n ${namespace} logs deployment/${deployment}`,
    },
  );
}

/** By a dry run, in a namespace where its webhooks take a pod that asks for it; where they take none it shows at the first pod. */
async function injectorAnswers(
  { kube, signal }: Pick<MeshContext, 'kube' | 'signal'>,
  { found: { injectors }, chosen: { revision, label }, installation }: SeenIstio,
  { own, timeoutMs }: { own: readonly Place[]; timeoutMs: number },
): Promise<void> {
  const fallback = await getIfThere(kube, '/api/v1/namespaces/default');
  const asking = { [labels.inject]: 'true' };
  const byLabel = labels.revision in label ? [{ ...asking, ...label }] : [];
  const tried = [...own, { name: 'default', labels: fallback?.metadata.labels ?? {} }]
    .flatMap((place) => [asking, ...byLabel].map((pod) => ({ place, pod })))
    .find(({ place, pod }) => takenOnlyBy(revision, takenBy(injectors, place, pod)));
  if (tried === undefined) return;
  const { name } = tried.place;
  await pollUntil(
    async () => {
      const look = await asksForSidecar(kube, { labels: tried.pod }, sidecarContainer, name);
      if ('pending' in look) return look;
      const has = sidecarRevision(look.ready.metadata);
      return has === revision ? look : { pending: `a pod in ${name} gets the sidecar of revision ${has}` };
    },
    {
      what: `the injector of revision ${revision} puts sidecars into pods`,
      timeoutMs,
      signal,
      code: 'MESHPROOF_MESH_NOT_READY',
      hint: `Is its Service there, and does its pod answer? kubectl -n ${installation.namespace} get service,endpoints,pods -l app=istiod`,
    },
  );
}

function takenOnlyBy(revision: string, taken: readonly { revision: string }[]): boolean {
  return taken.length > 0 && taken.every((each) => each.revision === revision);
}
