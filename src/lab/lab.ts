import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import pLimit from 'p-limit';
import { pollUntil } from '../base/poll.ts';
import type { Progress } from '../base/progress.ts';
import { residue as labRemains } from '../clusters/embedded/residue.ts';
import type { RunningCluster } from '../clusters/provider.ts';
import type { FaultContext } from '../faults/start-fault.ts';
import { residue as faultResidue } from '../faults/residue.ts';
import type { ImageMap } from '../images/image.ts';
import type { KubeClient, KubeObject, PodRef } from '../kube/types.ts';
import { readyPods } from '../kube/pods.ts';
import type { LoadContext } from '../load/prepare-load.ts';
import type { MeshAdapter } from '../meshes/adapter.ts';
import type { Policy } from '../policies/policy.ts';
import type { App, AppService } from '../apps/app.ts';
import { labelSelector, runningApp } from '../apps/running-app.ts';
import type { Toolbox } from '../tools/tool.ts';
import type { RunReport } from '../report/model.ts';
import type { Edge } from '../run/edge.ts';
import { clientName, probeDeployment, probeLabels } from './probe-pod.ts';
import type { Surroundings } from '../run/surroundings.ts';

const workloadTimeoutMs = 180_000;

export interface LabParts {
  app: App;
  cluster: RunningCluster;
  mesh: MeshAdapter;
  images: ImageMap;
  toolbox: Toolbox;
  /** This process made it and deletes it. */
  owned: boolean;
  mechanisms: Record<string, string>;
  scratch: string;
}

type Waiting = { progress: Progress; signal: AbortSignal };

/** Cluster + mesh + app, and what experiments ask of them. */
export class Lab {
  readonly client = clientName;
  readonly app: App;
  readonly namespaces: Record<'meshed' | 'plain' | 'broken', string>;
  readonly httpServices: readonly string[];
  /** Who calls whom through the mesh: the app's own edges, and the load client to every HTTP service. */
  readonly edges: Edge[];
  readonly cluster: RunningCluster;
  readonly mesh: MeshAdapter;
  readonly images: ImageMap;
  readonly toolbox: Toolbox;
  readonly owned: boolean;
  readonly mechanisms: Record<string, string>;
  readonly #scratch: string;
  readonly #brokenBefore = new Set<string>();
  readonly #toReplace = new Set<string>();
  readonly #touched = new Map<string, PodRef>();
  #plain: Promise<void> | undefined;

  constructor(parts: LabParts) {
    const { namespace } = parts.app;
    this.app = parts.app;
    this.namespaces = { meshed: namespace, plain: `${namespace}-plain`, broken: 'meshproof-broken' };
    this.httpServices = this.app.services.filter(({ call }) => call !== undefined).map(({ name }) => name);
    this.cluster = parts.cluster;
    this.mesh = parts.mesh;
    this.images = parts.images;
    this.toolbox = parts.toolbox;
    this.owned = parts.owned;
    this.mechanisms = {
      ...parts.mechanisms,
      'fault.http': 'Envoy fault filter in an ephemeral container, between sidecar and app (works under strict mTLS)',
      capture:
        parts.cluster.podNetwork === undefined
          ? 'none'
          : 'tcpdump of the host on each pod’s eth0, in the pod’s network namespace',
      load: 'k6 as a meshed pod, open model',
    };
    this.#scratch = parts.scratch;
    this.edges = [...this.app.edges, ...this.httpServices.map((destination) => ({ source: clientName, destination }))];
  }

  get name(): string {
    return this.cluster.name;
  }

  get kube(): KubeClient {
    return this.cluster.kube;
  }

  /** Folder of this lab's state on the host; the undo journal lives there. */
  get stateDir(): string {
    return dirname(this.cluster.kubeconfigPath);
  }

  /** Mesh, then the app in it, every service answering a data call. */
  async bringUp({ progress, signal }: Waiting): Promise<void> {
    const { meshed } = this.namespaces;
    await this.mesh.install();
    const there = await this.kube.list(`/apis/apps/v1/namespaces/${meshed}/deployments`);
    if (there.length > 0 || this.app.manifests === undefined) {
      for (const { pod } of await this.mesh.sidecarProblems([meshed])) this.#brokenBefore.add(pod);
    } else {
      const objects = [
        ...(await this.app.manifests({ namespace: meshed, images: this.images, replicas: 2 })),
        ...probeDeployment(meshed, this.images),
      ];
      // First who may call whom: nothing is allowed otherwise, and services that find their data at once start faster.
      await this.mesh.apply(this.#authorizations());
      await this.kube.apply(this.mesh.inject(objects, { namespace: meshed }));
    }
    await progress.step(`${this.app.title} in the mesh`, (detail) => this.answering(meshed, { detail, signal }));
  }

  /** Rolled out, and every replica answers its data call. The first wait knows why a pod does not come up. */
  async answering(
    namespace: string,
    { detail, signal }: { detail?: (text: string) => void; signal: AbortSignal },
  ): Promise<void> {
    const { kube, app, namespaces } = this;
    const running = runningApp(app, { kube, namespace, meshed: namespace === namespaces.meshed });
    await running.answering({ timeoutMs: workloadTimeoutMs, detail, signal });
  }

  #authorizations(): Policy[] {
    const callers = new Map<string, string[]>();
    for (const { source, destination } of this.edges)
      callers.set(destination, [...(callers.get(destination) ?? []), source]);
    return [...callers].map(([to, from]): Policy => ({ kind: 'authorize', to, from }));
  }

  serviceNamed(name: string): AppService {
    const service = this.app.services.find((each) => each.name === name);
    if (service === undefined) throw new TypeError(`${this.app.id} has no service ${name}`);
    return service;
  }

  /** The same services once more, without the mesh, for control arms; made at first use. */
  ensurePlain(context: Surroundings): Promise<void> {
    this.#plain ??= (async () => {
      const { plain } = this.namespaces;
      await context.undo.register(`namespace ${plain}`, () => this.kube.delete(`/api/v1/namespaces/${plain}`));
      await this.kube.apply([
        ...((await this.app.manifests?.({ namespace: plain, images: this.images, replicas: 1 })) ?? []),
        ...probeDeployment(plain, this.images),
      ]);
      await context.progress.step(`${this.app.title} without the mesh`, (detail) =>
        this.answering(plain, { detail, signal: context.signal }),
      );
    })();
    return this.#plain;
  }

  readyPods(service: string, namespace: string = this.namespaces.meshed): Promise<PodRef[]> {
    return readyPods(this.kube, namespace, labelSelector(this.serviceNamed(service).selector));
  }

  async probePod(namespace: string): Promise<PodRef> {
    return pollUntil<PodRef>(
      async () => {
        const [pod] = await readyPods(this.kube, namespace, probeLabels);
        return pod === undefined ? { pending: 'no ready probe pod' } : { ready: pod };
      },
      { what: `the probe pod in ${namespace}`, timeoutMs: 60_000 },
    );
  }

  /** Service name -> cluster IP: what an unmeshed client's packets carry before kube-proxy rewrites them. */
  async clusterIps(namespace: string): Promise<Record<string, string>> {
    const services = await this.kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/services`);
    return Object.fromEntries(
      services
        .filter(({ spec }) => spec.clusterIP !== 'None')
        .map(({ metadata, spec }) => [metadata.name, spec.clusterIP as string]),
    );
  }

  loadContext(context: Surroundings, { meshed = true } = {}): LoadContext {
    const { progress, signal } = context;
    return {
      kube: this.kube,
      images: this.images,
      inject: (objects) => (meshed ? this.mesh.inject(objects, { namespace: this.namespaces.meshed }) : objects),
      progress,
      signal,
      workDir: this.#scratch,
    };
  }

  /** Pods given are remembered: their spec will name fault points, so they are replaced at the end, and looked at for residue. */
  faultContext(context: Surroundings, service: string, pods: readonly PodRef[]): Omit<FaultContext, 'deadManMs'> {
    const { progress, signal, undo } = context;
    const [first] = pods;
    if (first === undefined) throw new TypeError('no pod to inject a fault into');
    for (const pod of pods) this.#touched.set(pod.uid, pod);
    return {
      kube: this.kube,
      images: this.images,
      pods: [...pods],
      appPort: this.serviceNamed(service).containerPort,
      appPath: this.mesh.appPath(first),
      journal: undo,
      progress,
      signal,
    };
  }

  /** Once, at the end of the run: the pods of a service whose spec names fault points are replaced. */
  async replaceAtTheEnd(service: string, context: Surroundings): Promise<void> {
    if (this.#toReplace.has(service)) return;
    this.#toReplace.add(service);
    await context.undo.register(`fault points in the pods of ${service}`, () =>
      // With a limit of its own: it must also work after the run was interrupted.
      this.replacePods(service, { progress: context.progress, signal: AbortSignal.timeout(120_000) }),
    );
  }

  /** Fresh pods for a service, by a rolling restart; waits until they are ready and the old ones gone. */
  async replacePods(service: string, { progress, signal }: Waiting): Promise<void> {
    const namespace = this.namespaces.meshed;
    const old = await this.readyPods(service);
    await this.kube.patch(`/apis/apps/v1/namespaces/${namespace}/deployments/${service}`, {
      spec: { template: { metadata: { annotations: { 'meshproof.dev/replaced-at': new Date().toISOString() } } } },
    });
    await this.answering(namespace, { signal });
    await pollUntil(
      async () => {
        const now = await this.kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/pods`, `app=${service}`);
        const left = now.filter(({ metadata }) => old.some(({ uid }) => uid === metadata.uid));
        return left.length === 0
          ? { ready: undefined }
          : { pending: `${left.map(({ metadata }) => metadata.name).join(', ')} not gone yet` };
      },
      { what: `replacing the pods of ${service}`, timeoutMs: 60_000, signal },
    );
    progress.info(`the pods of ${service} were replaced`);
    await this.settle({ progress, signal });
  }

  /** Until every sidecar is connected and in sync, those apart that were broken when the lab was opened: they are a finding. */
  async settle({ signal }: Waiting): Promise<void> {
    await pollUntil(
      async () => {
        const problems = await this.mesh.sidecarProblems([this.namespaces.meshed]);
        const problem = problems.find(({ pod }) => !this.#brokenBefore.has(pod));
        return problem === undefined
          ? { ready: undefined }
          : { pending: `${problem.pod}: ${problem.problem}: ${problem.detail}` };
      },
      { what: 'every sidecar in sync', timeoutMs: 60_000, intervalMs: 300, signal, code: 'MESHPROOF_MESH_NOT_READY' },
    );
  }

  /** Every client's proxy starts anew in place, under running captures: full TLS handshakes instead of resumed sessions. */
  async restartClientSidecars(context: Surroundings): Promise<void> {
    const clients = [...new Set(this.app.edges.map(({ source }) => source))];
    const pods = (await Promise.all(clients.map((service) => this.readyPods(service)))).flat();
    const limit = pLimit(4);
    await Promise.all(
      pods.map((pod) =>
        limit(async () => {
          await this.mesh.restartSidecar(pod);
        }),
      ),
    );
    await this.answering(this.namespaces.meshed, context);
  }

  /** What faults left in the pods they touched; empty when all is as before. */
  async residue(): Promise<string[]> {
    const left = await faultResidue({ kube: this.kube, pods: [...this.#touched.values()] });
    return left.map(({ namespace, pod, what }) => `${namespace}/${pod}: ${what}`).sort();
  }

  async facts(): Promise<Pick<RunReport, 'cluster' | 'mesh'>> {
    const [nodes, components] = await Promise.all([this.cluster.nodes(), this.mesh.components()]);
    const { name, version, caveats } = this.mesh;
    return {
      cluster: {
        provider: this.cluster.provider,
        kubernetesVersion: this.cluster.kubernetesVersion,
        nodes: nodes.map((node) => ({ name: node.name, kubeletVersion: node.kubeletVersion })),
      },
      mesh: { name, version, components, caveats },
    };
  }

  async delete(): Promise<void> {
    await this.cluster.delete();
    await rm(this.#scratch, { recursive: true, force: true });
  }

  /** What the deleted lab left on the machine. */
  async remains(): Promise<string[]> {
    return labRemains(this.cluster.name);
  }

  close(): void {
    this.kube.close();
  }
}
