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
import { adoptIstio, lookAtIstio } from './adopt.ts';
import { analysis } from './analysis.ts';
import { caveatsOf } from './caveats.ts';
import { dialectOf, toldIn } from './dialects.ts';
import { injectionMarks, ownInjection, type Injection } from './inject.ts';
import { ownInstallation, type IstioInstallation } from './installation.ts';
import { installControlPlane, strictIn, versionOf } from './install.ts';
import { keyLogs } from './key-logs.ts';
import { istioMetricsPath, readIstioMetrics } from './metrics.ts';
import { meshedPods } from './meshed-pod.ts';
import {
  defaultRevision,
  initContainer,
  istioStatNames,
  ports,
  sidecarContainer,
  sidecarUid,
  sniOf,
  spiffeId,
} from './names.ts';
import { istioPolicyTarget } from './policy-target.ts';
import { proxySettingsCheck } from './proxy-settings.ts';
import { proxyStatus } from './proxy-status.ts';
import { readProxyView } from './proxy-view.ts';
import { sidecarProblem } from './sidecar-problems.ts';

/** The kubelet waits before it starts a container again, longer each time: on a lab that is kept, for minutes. */
const restartTimeoutMs = 180_000;

/** Istio with sidecars: an Envoy that Istio's own injector puts into pods. */
export function istioAdapter(context: MeshContext, { clock = systemClock }: { clock?: Clock } = {}): MeshAdapter {
  const { kube, images, namespace, progress, signal, guest = false, setup = {} } = context;
  const admin = new EnvoyAdmin(kube, ports.admin);
  const dialect = dialectOf(setup);
  /** Put together here, with no Envoy of Istio's own. */
  const isPlain = !setup.installed && setup.release === undefined;
  let version: string | undefined;
  let installation: IstioInstallation | undefined = setup.installed ? undefined : ownInstallation(setup);
  let injection: Injection | undefined = setup.installed ? undefined : ownInjection(setup.revision ?? defaultRevision);
  /** Of a lab that another process made, one that was adopted is looked for again. */
  const istio = async (): Promise<IstioInstallation> => (installation ??= (await lookAtIstio(context)).installation);

  const imageOf = (name: string): string => {
    const ref = images[name]?.ref;
    if (ref !== undefined) return ref;
    throw new MeshproofError('MESHPROOF_IMAGE', `There is no image ${name}`, 'Build the lab images first.');
  };
  const target = async (): Promise<PolicyTarget> =>
    istioPolicyTarget({ kube, admin, namespace, trustDomain: (await istio()).trustDomain, told: toldIn(dialect) });
  const podOf = async (ref: PodRef): Promise<MeshedPod> =>
    meshedPods.toMeshedPod(await kube.get<KubeObject>(`/api/v1/namespaces/${ref.namespace}/pods/${ref.name}`));
  const podsOfApp = (): Promise<KubeObject[]> => kube.list(`/api/v1/namespaces/${namespace}/pods`);
  const identityIn = async (pods: readonly KubeObject[], service: string): Promise<string> => {
    const own = pods.find((pod) => meshedPods.toMeshedPod(pod).service === service);
    const account = (own?.spec.serviceAccountName as string | undefined) ?? service;
    return spiffeId(namespace, account, (await istio()).trustDomain);
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
      return version ?? '';
    },
    get caveats() {
      return [...caveatsOf(installation, version, { guest }), ...(dialect?.caveats ?? [])];
    },
    async installation() {
      const {
        adopted,
        namespace: where,
        revision,
        tags,
        profile,
        trustDomain,
        dialect: spoken,
        release,
      } = await istio();
      return { adopted, namespace: where, revision, tags, profile, trustDomain, dialect: spoken, release };
    },
    sidecarContainer,

    async install(baseline = [], meanwhile) {
      if (setup.installed) {
        const adopted = await progress.step('Istio that is there', () =>
          adoptIstio(context, { deploys: meanwhile !== undefined }),
        );
        ({ installation, injection } = adopted);
        version = await versionOf(kube, installation);
      } else {
        version = await progress.step('Istio control plane', () =>
          installControlPlane(context, { istiod: imageOf('istiod'), proxy: imageOf('istio-proxy') }),
        );
      }
      // The injector does not wait: pods that are made before it is ready stay outside.
      await meanwhile?.();
      // The whole mesh of one that is there is not meshproof's to make strict.
      if (setup.installed) await kube.apply([strictIn(namespace)]);
      await writePolicies(await target(), baseline);
      return { recreated: false };
    },

    inject(objects, { namespace: into }) {
      if (injection === undefined) throw new TypeError('an Istio that is there is adopted before anything is injected');
      return injectable(objects, { namespace: into, marks: injectionMarks(injection) });
    },

    async components() {
      const { namespace: where, deployment, adopted } = await istio();
      const { status } = await kube.get(`/apis/apps/v1/namespaces/${where}/deployments/${deployment}`);
      const ready = (status?.readyReplicas ?? 0) > 0;
      // Of a lab that another process installed.
      if (ready) version ??= await versionOf(kube, await istio());
      // The others in a mesh that is there are no business of the lab.
      const pods = adopted ? await meshedPods.in(kube, namespace) : await meshedPods.all(kube);
      return [
        {
          name: deployment,
          version: version ?? 'unknown',
          role: 'control-plane' as const,
          ready,
          tool: 'pilot-discovery' as const,
        },
        ...(await envoyComponents(admin, pods)),
      ];
    },

    async sidecarProblems(namespaces) {
      const limit = pLimit(6);
      const pods = (await Promise.all(namespaces.map((each) => meshedPods.expected(kube, each)))).flat();
      const found = await Promise.all(pods.map((pod) => limit(() => sidecarProblem(pod, admin))));
      return found.filter((problem): problem is SidecarProblem => problem !== undefined);
    },

    // istioctl makes tokens and reads all that there is, and how long proxies drain matters to experiments: no business of a guest.
    healthChecks: () =>
      guest
        ? []
        : [
            analysis(context, istio, namespace),
            proxyStatus(context, istio, namespace),
            proxySettingsCheck({ kube, admin, namespace }),
          ],

    plan: async (policies) => planPolicies(await target(), policies, signal),

    async apply(policies) {
      const plan = await this.plan(policies);
      return plan.apply();
    },

    restorePolicies: async (rollback) => restorePolicies(await target(), rollback),

    resetPolicies: async (baseline) => resetPolicies(await target(), baseline),

    async metrics(ref) {
      const snapshot = await envoySnapshot(admin, await podOf(ref), istioStatNames(ref.namespace), clock);
      if (isPlain) return snapshot;
      return { ...snapshot, meshMetrics: readIstioMetrics(await admin.text(ref, istioMetricsPath), ref.namespace) };
    },

    meshMetrics: {
      name: 'istio_*',
      none: isPlain
        ? 'the proxies are a plain Envoy, which lacks Istio’s filter istio.stats'
        : setup.installed
          ? 'the proxies of this Istio keep none: they are a plain Envoy, or a Telemetry switches them off or leaves labels out'
          : undefined,
    },

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
        clientIdentity: await identityIn(pods, source),
        serverIdentity: await identityIn(pods, destination),
      };
    },

    appPath: () => ({ sidecarUid, outInterface: 'lo' }),

    interception: { outboundPort: ports.outbound },

    startTrouble: (pod) => containerTrouble(pod, { init: initContainer, sidecar: sidecarContainer }),

    proxyView: async (pod) => readProxyView(admin, pod, (await istio()).trustDomain),

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
