import pLimit from 'p-limit';
import { systemClock, type Clock } from '../../base/clock.ts';
import { MeshproofError } from '../../base/errors.ts';
import { together } from '../../base/together.ts';
import type { KubeObject, PodRef } from '../../kube/types.ts';
import type { MeshAdapter, MeshComponent, MeshContext, SidecarProblem } from '../adapter.ts';
import { planPolicies, resetPolicies, restorePolicies, writePolicies } from '../apply-policies.ts';
import { EnvoyAdmin } from '../envoy/admin.ts';
import { leafCertificates } from '../envoy/certificates.ts';
import { reducedDump } from '../envoy/reduced-dump.ts';
import { envoyComponents, envoySnapshot, restartEnvoy } from '../envoy/sidecar.ts';
import type { MeshedPod } from '../meshed-pod.ts';
import { authorityCheck } from './authority-check.ts';
import { failingChecks, instances, reconcile } from './catalog.ts';
import { injectSidecars } from './inject.ts';
import type { PolicyTarget } from '../policy-target.ts';
import { findServer, setUpServer, startServer, type ControlPlane } from './install.ts';
import { lostPods, replacePods } from './lost-pods.ts';
import { expectedPods, injectedPodObjects, injectedPods, toMeshedPod } from './meshed-pod.ts';
import { clusterName, consulStatNames, ports, serverName, sidecarContainer, sidecarUid, spiffeId } from './names.ts';
import { consulPolicyTarget } from './policy-target.ts';
import { readProxyView } from './proxy-view.ts';
import { sidecarProblem, type CatalogView } from './sidecar-problems.ts';
import { startTrouble } from './start-trouble.ts';

export interface ConsulOptions {
  clock?: Clock;
}

/** What this adapter has beyond the core. */
export interface ConsulAdapter extends MeshAdapter {
  /** Takes instances and tokens of pods that are gone out of Consul; their ids. */
  reconcile(): Promise<string[]>;
}

/** Consul with Envoy sidecars and transparent proxy, without its Helm chart. */
export function consulAdapter(context: MeshContext, options: ConsulOptions = {}): ConsulAdapter {
  const { kube, images, progress, signal } = context;
  /** A guest has no business in other namespaces. */
  const only = context.guest === true ? context.namespace : undefined;
  const clock = options.clock ?? systemClock;
  const admin = new EnvoyAdmin(kube, ports.admin);
  let control: ControlPlane | undefined;
  let caPem: string | undefined;

  /** The one that was installed, or else the one that the lab has. */
  const plane = async (): Promise<ControlPlane> => (control ??= await findServer(kube));
  const imageOf = (name: string): string => {
    const ref = images[name]?.ref;
    if (ref !== undefined) return ref;
    throw new MeshproofError('MESHPROOF_IMAGE', `There is no image ${name}`, 'Build the lab images first.');
  };
  const catalogView = async (): Promise<CatalogView> => {
    const { api } = await plane();
    const [registered, failing] = await Promise.all([instances(api), failingChecks(api)]);
    return { failing, registeredPodUids: new Set(registered.map(({ Meta }) => Meta?.['pod-uid'] ?? '')) };
  };
  const target = async (): Promise<PolicyTarget> => consulPolicyTarget({ kube, admin, api: (await plane()).api });
  const podOf = async (ref: PodRef): Promise<MeshedPod> =>
    toMeshedPod(await kube.get<KubeObject>(`/api/v1/namespaces/${ref.namespace}/pods/${ref.name}`));

  return {
    name: 'consul',
    get version() {
      return control?.version ?? '';
    },
    caveats: [
      'Envoy 1.40 with Consul 1.22 is not a pair their makers support.',
      'Consul asks each sidecar for the health of its app in plaintext (port 20300): the answer is one status code and holds no data of the app.',
    ],
    sidecarContainer,

    async install(baseline = [], meanwhile = async () => {}) {
      await progress.step('Consul control plane', async () => {
        const secrets = await startServer(context, imageOf('consul'), clock);
        caPem = secrets.tls.caPem;
        await together(signal, [
          meanwhile,
          async (until) => {
            control = await setUpServer({ kube, signal: until }, secrets, (api) =>
              writePolicies(consulPolicyTarget({ kube, admin, api }), baseline),
            );
          },
        ]);
      });
      const [pods, { registeredPodUids }] = await Promise.all([injectedPodObjects(kube), catalogView()]);
      const lost = lostPods(pods, registeredPodUids);
      if (lost.length === 0) return { recreated: false };
      progress.info(`the Consul server was replaced and knows nothing any more: ${lost.length} pods are made anew`);
      await replacePods(kube, lost);
      return { recreated: true };
    },

    healthChecks: () => [authorityCheck({ kube, admin, namespace: only, api: async () => (await plane()).api })],

    inject(objects, { namespace }) {
      if (caPem !== undefined) return injectSidecars(objects, { namespace, caPem, image: imageOf('consul-proxy') });
      throw new MeshproofError(
        'MESHPROOF_MESH_NOT_READY',
        'Consul is not installed',
        'Call install() first; it also finds a Consul that is there.',
      );
    },

    async components() {
      const { api, version } = await plane();
      const leader = await api.get<string>('/v1/status/leader');
      const server: MeshComponent = {
        name: serverName,
        version,
        role: 'control-plane',
        ready: Boolean(leader),
        tool: 'consul',
      };
      return [server, ...(await envoyComponents(admin, await injectedPods(kube, only)))];
    },

    async sidecarProblems(namespaces) {
      const catalog = await catalogView();
      const limit = pLimit(6);
      const pods = (await Promise.all(namespaces.map((namespace) => expectedPods(kube, namespace)))).flat();
      const found = await Promise.all(pods.map((pod) => limit(() => sidecarProblem(pod, catalog, admin))));
      return found.filter((problem): problem is SidecarProblem => problem !== undefined);
    },

    async plan(policies) {
      await reconcile((await plane()).api, kube);
      return planPolicies(await target(), policies, signal);
    },

    async apply(policies) {
      const plan = await this.plan(policies);
      return plan.apply();
    },

    restorePolicies: async (rollback) => restorePolicies(await target(), rollback),

    resetPolicies: async (baseline) => resetPolicies(await target(), baseline),

    reconcile: async () => reconcile((await plane()).api, kube),

    metrics: async (ref) => envoySnapshot(admin, await podOf(ref), consulStatNames, clock),

    identityOf: async (service) => spiffeId((await plane()).trustDomain, service),

    wireExpectation: async (source, destination) => {
      const { trustDomain } = await plane();
      return {
        port: ports.inbound,
        minTlsVersion: '1.2',
        identitiesOnWire: true,
        sni: clusterName(trustDomain, destination),
        clientIdentity: spiffeId(trustDomain, source),
        serverIdentity: spiffeId(trustDomain, destination),
      };
    },

    appPath: () => ({ sidecarUid, outInterface: 'lo' }),

    interception: { outboundPort: ports.outbound },

    startTrouble,

    proxyView: (pod) => readProxyView(admin, pod),

    proxyConfig: async (pod) => reducedDump(await admin.json(pod, '/config_dump')),

    async restartSidecar(pod) {
      await restartEnvoy({
        ...{ admin, pod, clock, signal },
        problem: async () => sidecarProblem(await podOf(pod), await catalogView(), admin),
      });
      // The container's shell starts it again.
      return { restarts: 0 };
    },

    certificates: async (pod) => leafCertificates(await admin.json(pod, '/certs')),
  };
}
