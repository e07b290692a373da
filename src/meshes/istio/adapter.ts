import pLimit from 'p-limit';
import { systemClock, type Clock } from '../../base/clock.ts';
import { MeshproofError } from '../../base/errors.ts';
import { selects } from '../../kube/selector.ts';
import type { KubeObject, PodRef } from '../../kube/types.ts';
import type { MeshAdapter, MeshContext, SidecarProblem } from '../adapter.ts';
import { planPolicies, resetPolicies, restorePolicies, writePolicies } from '../apply-policies.ts';
import { containerTrouble } from '../container-trouble.ts';
import { EnvoyAdmin } from '../envoy/admin.ts';
import { leafCertificates } from '../envoy/certificates.ts';
import { forwardedClientCert } from '../envoy/forwarded-header.ts';
import { reducedDump } from '../envoy/reduced-dump.ts';
import { envoyComponents, envoySnapshot, restartEnvoy } from '../envoy/sidecar.ts';
import { injectable } from '../injectable.ts';
import type { MeshedPod } from '../meshed-pod.ts';
import type { PolicyTarget } from '../policy-target.ts';
import { analysis } from './analysis.ts';
import { injectionMarks } from './inject.ts';
import { installControlPlane, versionOf } from './install.ts';
import { keyLogs } from './key-logs.ts';
import { meshedPods } from './meshed-pod.ts';
import {
  controlPlane,
  initContainer,
  istioNamespace,
  istioStatNames,
  ports,
  sidecarContainer,
  sidecarUid,
  sniOf,
  spiffeId,
} from './names.ts';
import { istioPolicyTarget } from './policy-target.ts';
import { proxyStatus } from './proxy-status.ts';
import { readProxyView } from './proxy-view.ts';
import { sidecarProblem } from './sidecar-problems.ts';

/** The kubelet waits before it starts a container again, longer each time: on a lab that is kept, for minutes. */
const restartTimeoutMs = 180_000;

/** Istio with sidecars: a plain Envoy that Istio's own injector puts into pods. */
export function istioAdapter(context: MeshContext, { clock = systemClock }: { clock?: Clock } = {}): MeshAdapter {
  const { kube, images, namespace, progress, signal } = context;
  const admin = new EnvoyAdmin(kube, ports.admin);
  let installed: { version: string } | undefined;

  const imageOf = (name: string): string => {
    const ref = images[name]?.ref;
    if (ref !== undefined) return ref;
    throw new MeshproofError('MESHPROOF_IMAGE', `There is no image ${name}`, 'Build the lab images first.');
  };
  const target = (): PolicyTarget => istioPolicyTarget({ kube, admin, namespace });
  const podOf = async (ref: PodRef): Promise<MeshedPod> =>
    meshedPods.toMeshedPod(await kube.get<KubeObject>(`/api/v1/namespaces/${ref.namespace}/pods/${ref.name}`));
  const podsOfApp = (): Promise<KubeObject[]> => kube.list(`/api/v1/namespaces/${namespace}/pods`);
  const identityIn = (pods: readonly KubeObject[], service: string): string => {
    const own = pods.find((pod) => meshedPods.toMeshedPod(pod).service === service);
    return spiffeId(namespace, (own?.spec.serviceAccountName as string | undefined) ?? service);
  };

  /** A Service may name the port of its pods. */
  const namedPort = ({ metadata, spec }: KubeObject, name: string, pods: readonly KubeObject[]): number => {
    const selector = (spec.selector ?? {}) as Record<string, string>;
    const ports = pods
      .filter((pod) => selects(selector, pod.metadata.labels ?? {}))
      .flatMap((pod) =>
        (pod.spec.containers as { ports?: { name?: string; containerPort: number }[] }[]).flatMap(
          (container) => container.ports ?? [],
        ),
      );
    const found = ports.find((each) => each.name === name);
    if (found !== undefined) return found.containerPort;
    throw new MeshproofError(
      'MESHPROOF_WORKLOAD_NOT_READY',
      `Service ${metadata.name} points to port ${name}, which no container of its pods names`,
      'Name the container port, or give targetPort as a number.',
    );
  };

  return {
    name: 'istio',
    get version() {
      return installed?.version ?? '';
    },
    caveats: [
      'The proxies are a plain Envoy, not Istio’s own build: its filters for peer metadata and for istio_* metrics are switched off, and figures come from Envoy’s counters of clusters and listeners.',
      'All HTTP services on one port share an outbound listener: the latency of an edge is that of Envoy’s cluster, which lacks requests that ran into the route’s timeout.',
      'A server’s sidecar asks its app twice more by itself where a connection was reset before the request was sent; this version of Istio cannot switch that off. Answers of the app, as faults give them, are not tried again there.',
    ],
    sidecarContainer,

    async install(baseline = [], meanwhile = async () => {}) {
      await progress.step('Istio control plane', async () => {
        installed = await installControlPlane(context, {
          istiod: imageOf('istiod'),
          proxy: imageOf('istio-proxy'),
        });
      });
      // The injector does not wait: pods that are made before it is ready stay outside.
      await meanwhile();
      await writePolicies(target(), baseline);
      return { recreated: false };
    },

    inject: (objects, { namespace: into }) => injectable(objects, { namespace: into, marks: injectionMarks }),

    async components() {
      const { status } = await kube.get(`/apis/apps/v1/namespaces/${istioNamespace}/deployments/${controlPlane}`);
      const ready = (status?.readyReplicas ?? 0) > 0;
      // Of a lab that another process installed.
      if (ready) installed ??= { version: await versionOf(kube) };
      return [
        {
          name: controlPlane,
          version: installed?.version ?? 'unknown',
          role: 'control-plane' as const,
          ready,
          tool: 'pilot-discovery' as const,
        },
        ...(await envoyComponents(admin, await meshedPods.all(kube))),
      ];
    },

    async sidecarProblems(namespaces) {
      const limit = pLimit(6);
      const pods = (await Promise.all(namespaces.map((each) => meshedPods.expected(kube, each)))).flat();
      const found = await Promise.all(pods.map((pod) => limit(() => sidecarProblem(pod, admin))));
      return found.filter((problem): problem is SidecarProblem => problem !== undefined);
    },

    healthChecks: () => [analysis(context, namespace), proxyStatus(context)],

    plan: (policies) => planPolicies(target(), policies, signal),

    async apply(policies) {
      const plan = await this.plan(policies);
      return plan.apply();
    },

    restorePolicies: (rollback) => restorePolicies(target(), rollback),

    resetPolicies: (baseline) => resetPolicies(target(), baseline),

    metrics: async (ref) => envoySnapshot(admin, await podOf(ref), istioStatNames(ref.namespace), clock),

    identityOf: async (service) => identityIn(await podsOfApp(), service),

    async wireExpectation(source, destination) {
      const [service, pods] = await Promise.all([
        kube.get<KubeObject>(`/api/v1/namespaces/${namespace}/services/${destination}`),
        podsOfApp(),
      ]);
      const [{ port, targetPort = port }] = service.spec.ports as [{ port: number; targetPort?: number | string }];
      return {
        // Istio keeps the port of the app.
        port: typeof targetPort === 'number' ? targetPort : namedPort(service, targetPort, pods),
        minTlsVersion: '1.3',
        identitiesOnWire: false,
        sni: sniOf(destination, namespace, port),
        clientIdentity: identityIn(pods, source),
        serverIdentity: identityIn(pods, destination),
      };
    },

    appPath: () => ({ sidecarUid, outInterface: 'lo' }),

    interception: { outboundPort: ports.outbound },

    startTrouble: (pod) => containerTrouble(pod, { init: initContainer, sidecar: sidecarContainer }),

    proxyView: (pod) => readProxyView(admin, pod),

    proxyConfig: async (pod) => reducedDump(await admin.json(pod, '/config_dump')),

    async restartSidecar(pod) {
      await restartEnvoy({
        ...{ admin, pod, clock, signal },
        problem: async () => sidecarProblem(await podOf(pod), admin),
        timeoutMs: restartTimeoutMs,
      });
      // pilot-agent ends with its Envoy, and the container with it.
      return { restarts: 1 };
    },

    forwardedHeader: forwardedClientCert,

    keyLogs: keyLogs({ kube, admin, namespace, signal }),

    certificates: async (pod) => leafCertificates(await admin.json(pod, '/certs')),
  };
}
