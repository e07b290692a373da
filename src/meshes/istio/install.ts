import { parseAllDocuments } from 'yaml';
import { MeshproofError } from '../../base/errors.ts';
import { pollUntil } from '../../base/poll.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import { waitForDeployments } from '../../kube/wait.ts';
import type { MeshContext, MeshSetup } from '../adapter.ts';
import { asksForSidecar } from '../injector-gate.ts';
import { refuseForeign } from './choose.ts';
import { dialectOf } from './dialects.ts';
import { findIstio } from './found.ts';
import { istiodPods, ownInstallation, type IstioInstallation } from './installation.ts';
import { istioctl, type Istioctl } from './istioctl.ts';
import { defaultRevision, istioNamespace, labels, ports, sidecarContainer } from './names.ts';
import { withIstiodLog } from './not-ready.ts';
import { defaultProfile } from './profiles.ts';
import { proxySettings } from './proxy-settings.ts';

const readyTimeoutMs = 120_000;

export interface IstioImages {
  istiod: string;
  proxy: string;
}

/**
 * What it takes for a proxy that is a plain Envoy: it lacks the filters that Istio compiles into its own (`istio.metadata_exchange`,
 * `istio.stats`, `istio.alpn`), and refuses a configuration that names them.
 */
const plainEnvoy = {
  defaultConfig: { binaryPath: '/usr/bin/envoy' },
  values: { telemetry: { enabled: false } },
  env: { PILOT_ENABLE_METADATA_EXCHANGE: 'false', PILOT_ENABLE_ALPN_FILTER: 'false', PILOT_DISABLE_MX_ALPN: 'true' },
};

/** What istioctl is asked for. */
export function operator(
  { istiod, proxy }: IstioImages,
  {
    profile = defaultProfile,
    revision = defaultRevision,
    release,
  }: Pick<MeshSetup, 'profile' | 'revision' | 'release'> = {},
): object {
  const forProxy: Partial<typeof plainEnvoy> = release === undefined ? plainEnvoy : {};
  return {
    apiVersion: 'install.istio.io/v1alpha1',
    kind: 'IstioOperator',
    spec: {
      profile,
      ...(revision !== defaultRevision && { revision }),
      meshConfig: {
        defaultConfig: { ...forProxy.defaultConfig, ...proxySettings },
      },
      values: {
        // Who checks configuration that names no revision: else the istiod of a revision leaves it alone.
        ...(revision !== defaultRevision && { defaultRevision: revision }),
        global: {
          proxy: { image: proxy },
          proxy_init: { image: proxy },
          defaultPodDisruptionBudget: { enabled: false },
        },
        ...forProxy.values,
        pilot: {
          image: istiod,
          autoscaleEnabled: false,
          resources: { requests: { cpu: '50m', memory: '128Mi' } },
          ...(forProxy.env && { env: forProxy.env }),
        },
      },
    },
  };
}

/** Mutual TLS only, for every workload: Istio by itself takes plaintext beside it. */
export const strict: KubeObject = {
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name: 'default', namespace: istioNamespace },
  spec: { mtls: { mode: 'STRICT' } },
};

/** The same for one namespace, where the mesh is not meshproof's. */
export function strictIn(namespace: string): KubeObject {
  return {
    ...strict,
    metadata: {
      name: 'meshproof-strict',
      namespace,
      labels: { [labels.managedBy]: 'meshproof', [labels.baseline]: 'true' },
    },
  };
}

/** Istio's own objects, as its istioctl generates them; nothing is asked of a cluster. */
export async function generate(
  { tool, signal }: Istioctl,
  images: IstioImages,
  setup?: Pick<MeshSetup, 'profile' | 'revision' | 'release'>,
): Promise<KubeObject[]> {
  const input = JSON.stringify(operator(images, setup));
  return parseAllDocuments(await istioctl({ tool, signal }, ['manifest', 'generate', '-f', '-'], { input }))
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}

/**
 * Installs the control plane, or finds the same one there; ready when it resolves, and so is the injector: pods that are made
 * before would come up without a sidecar.
 *
 * @throws MeshproofError MESHPROOF_MESH_CONFLICT where somebody else's Istio is there, before anything is changed;
 * MESHPROOF_IMAGE or MESHPROOF_POD_CRASHED where waiting is pointless; MESHPROOF_MESH_NOT_READY with what keeps istiod from getting
 * ready, or when its injector does not answer
 */
export async function installControlPlane(context: MeshContext, images: IstioImages): Promise<string> {
  const { kube, signal, setup = {} } = context;
  const installation = ownInstallation(setup);
  refuseForeign(await findIstio(kube), installation.revision);
  await dialectOf(setup)?.prepare(context);
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: istioNamespace } };
  await kube.apply([namespace, ...(await generate(context, images, setup)), strict]);
  await waitForDeployments(kube, istioNamespace, { timeoutMs: readyTimeoutMs, signal }).catch(
    async (error: unknown) => {
      throw await withIstiodLog(error, kube, installation);
    },
  );
  await pollUntil(() => asksForSidecar(kube, { labels: asking(installation) }, sidecarContainer), {
    what: 'the injector puts sidecars into pods',
    timeoutMs: readyTimeoutMs,
    signal,
    code: 'MESHPROOF_MESH_NOT_READY',
    hint: `Look at it: kubectl -n ${istioNamespace} logs deployment/${installation.deployment}`,
  });
  return await versionOf(kube, installation);
}

/** Labels of a pod that asks for its sidecar, in a namespace that does not. */
function asking({ revision }: Pick<IstioInstallation, 'revision'>): Record<string, string> {
  return { [labels.inject]: 'true', ...(revision !== defaultRevision && { [labels.revision]: revision }) };
}

/** As istiod says itself. @throws MeshproofError MESHPROOF_MESH_NOT_READY when none of its pods runs */
export async function versionOf(
  kube: KubeClient,
  { namespace, deployment, revision }: Pick<IstioInstallation, 'namespace' | 'deployment' | 'revision'>,
): Promise<string> {
  const pods = await kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/pods`, istiodPods(revision));
  const running = pods.find(({ status }) => status?.phase === 'Running');
  if (running === undefined) {
    throw new MeshproofError(
      'MESHPROOF_MESH_NOT_READY',
      `No pod of ${deployment} runs in ${namespace}`,
      `Look at it: kubectl -n ${namespace} get pods`,
    );
  }
  const { name } = running.metadata;
  const reply = await kube.podHttp({ namespace, name }, ports.monitoring, '/version');
  return releaseOf(reply.body.trim());
}

/** `<version>-<revision of the source>-<state of its tree>`, as every program of Istio says it. */
export function releaseOf(version: string): string {
  return version.split('-').slice(0, -2).join('-') || version;
}
