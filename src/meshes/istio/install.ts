import { parseAllDocuments } from 'yaml';
import { MeshproofError } from '../../base/errors.ts';
import { pollUntil } from '../../base/poll.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import { waitForDeployments } from '../../kube/wait.ts';
import type { MeshContext } from '../adapter.ts';
import { asksForSidecar } from '../injector-gate.ts';
import { refuseForeign } from './choose.ts';
import { findIstio } from './found.ts';
import { istioctl, type Istioctl } from './istioctl.ts';
import { controlPlane, defaultRevision, istioNamespace, labels, ports, sidecarContainer } from './names.ts';

const readyTimeoutMs = 120_000;

export interface IstioImages {
  istiod: string;
  proxy: string;
}

/**
 * What istioctl is asked for. The proxy is a plain Envoy: it lacks the filters that Istio compiles into its own
 * (`istio.metadata_exchange`, `istio.stats`, `istio.alpn`), and refuses a configuration that names them.
 */
export function operator({ istiod, proxy }: IstioImages): object {
  return {
    apiVersion: 'install.istio.io/v1alpha1',
    kind: 'IstioOperator',
    spec: {
      profile: 'minimal',
      meshConfig: {
        defaultConfig: {
          binaryPath: '/usr/bin/envoy',
          // Connections live on by old rules until they are drained: 45 s by default, and an experiment waits for them.
          drainDuration: '2s',
          // Istio keeps a few counters by default: retries, timeouts and TLS handshakes are not among them.
          proxyStatsMatcher: { inclusionRegexps: ['.*'] },
        },
      },
      values: {
        global: {
          proxy: { image: proxy },
          proxy_init: { image: proxy },
          defaultPodDisruptionBudget: { enabled: false },
        },
        telemetry: { enabled: false },
        pilot: {
          image: istiod,
          autoscaleEnabled: false,
          resources: { requests: { cpu: '50m', memory: '128Mi' } },
          env: {
            PILOT_ENABLE_METADATA_EXCHANGE: 'false',
            PILOT_ENABLE_ALPN_FILTER: 'false',
            PILOT_DISABLE_MX_ALPN: 'true',
          },
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

/** Istio's own objects, as its istioctl generates them; nothing is asked of a cluster. */
export async function generate({ tool, signal }: Istioctl, images: IstioImages) {
  const input = JSON.stringify(operator(images));
  return parseAllDocuments(await istioctl({ tool, signal }, ['manifest', 'generate', '-f', '-'], { input }))
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}

/**
 * Installs the control plane, or finds the same one there; ready when it resolves, and so is the injector: pods that are made
 * before would come up without a sidecar.
 *
 * @throws MeshproofError MESHPROOF_MESH_CONFLICT where somebody else's Istio is there, before anything is changed; as
 * waitForDeployments, with what keeps istiod's pod from running; MESHPROOF_MESH_NOT_READY when its
 * injector does not answer
 */
export async function installControlPlane(context: MeshContext, images: IstioImages): Promise<{ version: string }> {
  const { kube, signal } = context;
  refuseForeign(await findIstio(kube), defaultRevision);
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: istioNamespace } };
  await kube.apply([namespace, ...(await generate(context, images)), strict]);
  await waitForDeployments(kube, istioNamespace, { timeoutMs: readyTimeoutMs, signal });
  await pollUntil(() => asksForSidecar(kube, { labels: { [labels.inject]: 'true' } }, sidecarContainer), {
    what: 'the injector puts sidecars into pods',
    timeoutMs: readyTimeoutMs,
    signal,
    code: 'MESHPROOF_MESH_NOT_READY',
    hint: `Look at it: kubectl -n ${istioNamespace} logs deployment/${controlPlane}`,
  });
  return { version: await versionOf(kube) };
}

/** As istiod says itself. */
export async function versionOf(kube: KubeClient): Promise<string> {
  const pods = await kube.list<KubeObject>(`/api/v1/namespaces/${istioNamespace}/pods`, `app=${controlPlane}`);
  const running = pods.find(({ status }) => status?.phase === 'Running');
  if (running === undefined) {
    throw new MeshproofError(
      'MESHPROOF_MESH_NOT_READY',
      `No pod of ${controlPlane} runs in ${istioNamespace}`,
      `Look at it: kubectl -n ${istioNamespace} get pods`,
    );
  }
  const { name } = running.metadata;
  const reply = await kube.podHttp({ namespace: istioNamespace, name }, ports.monitoring, '/version');
  return releaseOf(reply.body.trim());
}

/** `<version>-<revision of the source>-<state of its tree>`, as every program of Istio says it. */
export function releaseOf(version: string): string {
  return version.split('-').slice(0, -2).join('-') || version;
}
