import pLimit from 'p-limit';
import { systemClock, type Clock } from '../../base/clock.ts';
import { MeshproofError } from '../../base/errors.ts';
import type { KubeObject, PodRef } from '../../kube/types.ts';
import type { MeshAdapter, MeshComponent, MeshContext, SidecarProblem } from '../adapter.ts';
import { AdminPort } from '../admin-port.ts';
import { planPolicies, resetPolicies, restorePolicies, writePolicies } from '../apply-policies.ts';
import { containerTrouble } from '../container-trouble.ts';
import { readServiceFacts } from '../custom-resources.ts';
import type { MeshedPod } from '../meshed-pod.ts';
import type { PolicyTarget } from '../policy-target.ts';
import { appPorts } from './app-ports.ts';
import { linkerdCli } from './cli.ts';
import { byProfiles } from './dialects.ts';
import { healthChecks } from './health-checks.ts';
import { meshed } from './inject.ts';
import { installControlPlane } from './install.ts';
import { meshedPods } from './meshed-pod.ts';
import { Metrics } from './metrics.ts';
import {
  controlPlane,
  identityName,
  initContainer,
  linkerdNamespace,
  ports,
  sidecarContainer,
  sidecarUid,
  transportProtocol,
} from './names.ts';
import { linkerdPolicyTarget } from './policy-target.ts';
import { PolicySource } from './policy-source.ts';
import { readProxyView } from './proxy-view.ts';
import { restartProxy } from './restart.ts';
import { sidecarProblem } from './sidecar-problems.ts';
import { profileCaveats } from './service-profile/index.ts';
import { profilesOf } from './service-profile/manifests.ts';
import { readSnapshot } from './snapshot.ts';

/** Linkerd: its own proxy, which its injector puts into pods. */
export function linkerdAdapter(context: MeshContext, { clock = systemClock }: { clock?: Clock } = {}): MeshAdapter {
  const { kube, images, namespace, progress, signal } = context;
  const { dialect } = context.setup ?? {};
  const profiled = byProfiles(dialect);
  const admin = new AdminPort(kube, ports.admin);
  const cli = linkerdCli(context);
  let installed: { version: string } | undefined;

  const imageOf = (name: string): string => {
    const ref = images[name]?.ref;
    if (ref !== undefined) return ref;
    throw new MeshproofError('MESHPROOF_IMAGE', `There is no image ${name}`, 'Build the lab images first.');
  };
  const target = (): PolicyTarget => linkerdPolicyTarget({ kube, admin, cli, namespace, dialect });
  const objectOf = (ref: PodRef): Promise<KubeObject> =>
    kube.get<KubeObject>(`/api/v1/namespaces/${ref.namespace}/pods/${ref.name}`);
  const podOf = async (ref: PodRef): Promise<MeshedPod> => meshedPods.toMeshedPod(await objectOf(ref));
  const podsOfApp = (): Promise<KubeObject[]> => kube.list(`/api/v1/namespaces/${namespace}/pods`);
  const identityIn = (pods: readonly KubeObject[], service: string): string => {
    const own = pods.find((pod) => meshedPods.toMeshedPod(pod).service === service);
    return identityName(namespace, (own?.spec.serviceAccountName as string | undefined) ?? service);
  };
  /** What a proxy serves to who asks for its name, as `linkerd identity` reads it. */
  const certificates = async (ref: PodRef): Promise<{ identity: string; notBefore: number; notAfter: number }[]> => {
    const { spec } = await objectOf(ref);
    const name = identityName(ref.namespace, (spec.serviceAccountName as string | undefined) ?? 'default');
    const { names, notBefore, notAfter } = await kube.podCertificate(ref, ports.admin, name);
    return [{ identity: names[0] ?? '', notBefore, notAfter }];
  };

  return {
    name: 'linkerd',
    get version() {
      return installed?.version ?? '';
    },
    caveats: [
      'A proxy of Linkerd does not tell what it was told. That a policy is in force rests on what the control plane answers to the question that proxies ask, and on each proxy’s connection to it; what then happens is measured.',
      'TLS 1.3 hides both certificates, and Linkerd’s proxies write no key logs: identities rest on the certificates that the proxies serve, on whom the server’s proxies say they let in, and on the header l5d-client-id at the app.',
      'Latency by the proxies is that of single attempts until their headers come, in fixed buckets: a quantile is an interval.',
      'Linkerd lets in clients that prove nothing unless a policy says who may call; meshproof installs one for every service that is called.',
      ...(profiled ? profileCaveats : []),
    ],
    sidecarContainer,

    async install(baseline = [], meanwhile = async () => {}) {
      await progress.step('Linkerd control plane', async () => {
        installed = await installControlPlane(context, {
          controller: imageOf('linkerd-controller'),
          proxy: imageOf('linkerd-proxy'),
        });
      });
      // The injector does not wait: pods that are made before it is ready stay outside.
      await meanwhile();
      await writePolicies(target(), baseline);
      return { recreated: false };
    },

    inject: (objects, options) => [
      ...(profiled ? profilesOf(objects, options.namespace) : []),
      ...meshed(objects, options.namespace),
    ],

    async components() {
      const limit = pLimit(6);
      const parts = controlPlane.map(async (name): Promise<MeshComponent> => {
        const { metadata, status } = await kube.get(`/apis/apps/v1/namespaces/${linkerdNamespace}/deployments/${name}`);
        const version = metadata.labels?.['app.kubernetes.io/version'] ?? 'unknown';
        return { name, version, role: 'control-plane', ready: (status?.readyReplicas ?? 0) > 0 };
      });
      const proxies = (await meshedPods.all(kube)).map((pod) =>
        limit(async (): Promise<MeshComponent> => {
          const name = `proxy of ${pod.ref.name}`;
          if (pod.notRunning !== undefined) return { name, version: 'unknown', role: 'data-plane', ready: false };
          const { version } = new Metrics(await admin.text(pod.ref, '/metrics'));
          return { name, version, role: 'data-plane', ready: true };
        }),
      );
      return Promise.all([...parts, ...proxies]);
    },

    async sidecarProblems(namespaces) {
      const limit = pLimit(6);
      const pods = (await Promise.all(namespaces.map((each) => meshedPods.expected(kube, each)))).flat();
      const found = await Promise.all(pods.map((pod) => limit(() => sidecarProblem(pod, admin))));
      return found.filter((problem): problem is SidecarProblem => problem !== undefined);
    },

    healthChecks: () => healthChecks({ kube, cli, namespace, profiled }),

    plan: (policies) => planPolicies(target(), policies, signal),

    async apply(policies) {
      const plan = await this.plan(policies);
      return plan.apply();
    },

    restorePolicies: (rollback) => restorePolicies(target(), rollback),

    resetPolicies: (baseline) => resetPolicies(target(), baseline),

    async metrics(ref) {
      const { service } = await podOf(ref);
      const text = await admin.text(ref, '/metrics');
      const { namespace: own, name: pod, uid: podUid } = ref;
      return readSnapshot(text, { pod, podUid, service, namespace: own, takenAt: clock.now() });
    },

    identityOf: async (service) => identityIn(await podsOfApp(), service),

    async wireExpectation(source, destination) {
      const pods = await podsOfApp();
      const serverIdentity = identityIn(pods, destination);
      return {
        port: ports.inbound,
        minTlsVersion: '1.3',
        identitiesOnWire: false,
        sni: serverIdentity,
        alpn: transportProtocol,
        clientIdentity: identityIn(pods, source),
        serverIdentity,
      };
    },

    appPath: () => ({ sidecarUid, outInterface: 'lo' }),

    interception: { outboundPort: ports.outbound },

    startTrouble: (pod) => containerTrouble(pod, { init: initContainer, sidecar: sidecarContainer }),

    proxyView: (pod) =>
      readProxyView(pod, {
        ...{ kube, admin, clock },
        source: new PolicySource(cli, pod.namespace),
        identity: async () => (await certificates(pod))[0]?.identity,
      }),

    async proxyConfig(pod) {
      const [object, services] = await Promise.all([objectOf(pod), readServiceFacts(kube, pod.namespace)]);
      const source = new PolicySource(cli, pod.namespace);
      const toCall = [...services].flatMap(([name, { ports: own }]) => own.map(({ port }) => ({ name, port })));
      const outbound = toCall.map(
        async ({ name, port }) => [`${name}:${port}`, await source.outboundAnswer(name, port)] as const,
      );
      const profiles = (profiled ? toCall : []).map(
        async ({ name, port }) => [`${name}:${port}`, await source.profileAnswer(name, port)] as const,
      );
      const inbound = appPorts(object, services).map(
        async (port) => [String(port), await source.inboundAnswer(pod, port)] as const,
      );
      return {
        outbound: Object.fromEntries(await Promise.all(outbound)),
        inbound: Object.fromEntries(await Promise.all(inbound)),
        ...(profiled && { profiles: Object.fromEntries(await Promise.all(profiles)) }),
      };
    },

    async restartSidecar(pod) {
      await restartProxy({ admin, pod, clock, signal, problem: async () => sidecarProblem(await podOf(pod), admin) });
      return { restarts: 1 };
    },

    forwardedHeader: { name: 'l5d-client-id', read: (value) => ({ uri: value.trim() }) },

    async peers(pod) {
      const metrics = new Metrics(await admin.text(pod, '/metrics'));
      return metrics.by('tcp_open_total', ({ direction, peer, tls, client_id: client, target_port: port }) =>
        direction === 'inbound' && peer === 'src' && tls === 'true' && port !== String(ports.admin)
          ? client
          : undefined,
      );
    },

    certificates,
  };
}
