import { rm } from 'node:fs/promises';
import type { App, AppEdge, RunningApp } from '../apps/app.ts';
import { deployApp, runningApp } from '../apps/running-app.ts';
import { systemClock } from '../base/clock.ts';
import { pollUntil } from '../base/poll.ts';
import type { Progress } from '../base/progress.ts';
import type { RollbackRegistrar } from '../base/rollback-registrar.ts';
import type { RunningCluster } from '../clusters/provider.ts';
import type { ImageMap } from '../images/image.ts';
import { stepsTaken } from '../kube/pod-status.ts';
import type { KubeClient } from '../kube/types.ts';
import type { MeshAdapter } from '../meshes/adapter.ts';
import type { MeshEntry } from '../meshes/define-mesh.ts';
import type { Policy } from '../policies/index.ts';
import { diagnoseStart } from '../observe/diagnosis/diagnose-start.ts';
import type { StartFinding } from '../observe/diagnosis/finding.ts';
import type { RunReport } from '../report/model.ts';
import type { Toolbox } from '../tools/tool.ts';
import { answeredOrStuck } from './answered-or-stuck.ts';
import { clientName, probeDeployment } from './client.ts';
import type { Surroundings } from './surroundings.ts';

/** Until every workload answers; what keeps one from it is told long before. */
export const workloadTimeoutMs = 180_000;
/** Of every service of the app. */
export const replicas = 2;

export interface LabParts {
  cluster: RunningCluster;
  mesh: MeshAdapter;
  meshEntry: MeshEntry;
  app: App;
  images: ImageMap;
  toolbox: Toolbox;
  /** This process made it and deletes it. */
  owned: boolean;
  mechanisms: Record<string, string>;
  scratch: string;
}

type Waiting = { progress: Progress; signal: AbortSignal };

/** A cluster with a mesh and an application in it. */
export class Lab {
  readonly cluster: RunningCluster;
  readonly mesh: MeshAdapter;
  readonly meshEntry: MeshEntry;
  readonly images: ImageMap;
  readonly toolbox: Toolbox;
  readonly owned: boolean;
  readonly mechanisms: Record<string, string>;
  /** The application, in the mesh. */
  readonly app: RunningApp;
  /** Who calls whom through the mesh: the app's own edges, and the load client to every service that answers HTTP. */
  readonly edges: readonly AppEdge[];
  readonly scratch: string;
  readonly #brokenBefore = new Set<string>();
  /** By who takes it back: a lab outlives its runs, a twin does not. */
  readonly #twins = new WeakMap<RollbackRegistrar, Promise<RunningApp>>();
  #startFindings: readonly StartFinding[] = [];
  /** By pod uid. */
  readonly #ordered: Record<string, number> = {};

  constructor(parts: LabParts) {
    const { cluster, mesh, app } = parts;
    this.cluster = cluster;
    this.mesh = mesh;
    this.meshEntry = parts.meshEntry;
    this.images = parts.images;
    this.toolbox = parts.toolbox;
    this.owned = parts.owned;
    this.scratch = parts.scratch;
    this.mechanisms = {
      ...parts.mechanisms,
      'fault.http': 'Envoy fault filter in an ephemeral container, between sidecar and app (works under strict mTLS)',
      capture:
        cluster.podNetwork === undefined
          ? 'none'
          : 'tcpdump of the host on each pod’s eth0, in the pod’s network namespace',
      load: 'k6 as a meshed pod, open model',
    };
    this.app = runningApp(app, { kube: cluster.kube, namespace: app.namespace, meshed: true });
    const called = app.services.filter(({ call }) => call !== undefined);
    this.edges = [...app.edges, ...called.map(({ name }) => ({ source: clientName, destination: name }))];
  }

  get name(): string {
    return this.cluster.name;
  }

  get kube(): KubeClient {
    return this.cluster.kube;
  }

  /** Folder of this lab's state on the host; the rollback journal lives there. */
  get stateDir(): string {
    return this.cluster.stateDir;
  }

  get twinNamespace(): string {
    return `${this.app.namespace}-plain`;
  }

  /** Mesh, then the app in it, every service answering a data call. */
  async bringUp({ progress, signal }: Waiting): Promise<void> {
    const { namespace, app } = this.app;
    const there = await this.kube.list(`/apis/apps/v1/namespaces/${namespace}/deployments`);
    if (there.length > 0 || app.manifests === undefined) {
      await this.mesh.install(this.authorizations());
      for (const { pod } of await this.mesh.sidecarProblems([namespace])) this.#brokenBefore.add(pod);
    } else {
      await this.mesh.install(this.authorizations(), () => this.#deploy({ namespace, meshed: true, replicas }));
    }
    this.#startFindings = await progress.step(`${app.title} in the mesh`, (detail) =>
      this.#answeredOrStuck(detail, signal),
    );
  }

  async #answeredOrStuck(detail: (text: string) => void, signal: AbortSignal): Promise<readonly StartFinding[]> {
    const { kube, mesh } = this;
    const { app, namespace } = this.app;
    const toolImage = this.images['fault-point']?.ref;
    return answeredOrStuck({
      answering: (until) => this.app.answering({ timeoutMs: workloadTimeoutMs, detail, signal: until }),
      async progress() {
        const pods = await kube.list(`/api/v1/namespaces/${namespace}/pods`);
        return pods.reduce((sum, pod) => sum + stepsTaken(pod), 0);
      },
      diagnose: async () => (await diagnoseStart({ kube, mesh, app, namespace, signal, toolImage })).findings,
      clock: systemClock,
      signal,
    });
  }

  /** What the mesh kept from working when the lab was opened, by edge and cause; empty when all of the app answered. */
  get startFindings(): readonly StartFinding[] {
    return this.#startFindings;
  }

  /** Notes restarts of a pod's containers that were made on purpose: health judges the others. */
  orderedRestarts(podUid: string, restarts: number): void {
    if (restarts > 0) this.#ordered[podUid] = (this.#ordered[podUid] ?? 0) + restarts;
  }

  /** Restarts on purpose since the lab was opened, by pod uid. */
  get restartsOnPurpose(): Readonly<Record<string, number>> {
    return this.#ordered;
  }

  /** Who may call whom, as the app's edges say: everything else is refused. */
  authorizations(): Policy[] {
    const callers = new Map<string, string[]>();
    for (const { source, destination } of this.edges)
      callers.set(destination, [...(callers.get(destination) ?? []), source]);
    return [...callers].map(([to, from]): Policy => ({ kind: 'authorize', to, from }));
  }

  /**
   * The same app once more, without the mesh, for control arms; made at first use of a run, and tried again after a failure.
   *
   * @throws TypeError for an app that meshproof does not deploy: a scenario that needs the twin is skipped before
   */
  twin(context: Surroundings): Promise<RunningApp> {
    const { rollback } = context;
    const there = this.#twins.get(rollback);
    if (there !== undefined) return there;
    const twin = this.#makeTwin(context).catch((error: unknown) => {
      this.#twins.delete(rollback);
      throw error;
    });
    this.#twins.set(rollback, twin);
    return twin;
  }

  async #makeTwin({ rollback, progress, signal }: Surroundings): Promise<RunningApp> {
    const { app } = this.app;
    if (app.manifests === undefined) throw new TypeError(`${app.id} is not deployed by meshproof: it has no twin`);
    const namespace = this.twinNamespace;
    await rollback.record({
      what: `namespace ${namespace}`,
      injector: 'api',
      args: { delete: `/api/v1/namespaces/${namespace}` },
    });
    const twin = await this.#deploy({ namespace, meshed: false, replicas: 1 });
    await progress.step(`${app.title} without the mesh`, (detail) =>
      twin.answering({ timeoutMs: workloadTimeoutMs, detail, signal }),
    );
    return twin;
  }

  #deploy({
    namespace,
    meshed,
    replicas,
  }: {
    namespace: string;
    meshed: boolean;
    replicas: number;
  }): Promise<RunningApp> {
    return deployApp(this.app.app, {
      kube: this.kube,
      namespace,
      meshed,
      images: this.images,
      replicas,
      extra: probeDeployment(namespace, this.images),
      ...(meshed && { inject: (objects) => this.mesh.inject(objects, { namespace }) }),
    });
  }

  /** Until every sidecar is connected and in sync, those apart that were broken when the lab was opened: they are a finding. */
  async settle(signal: AbortSignal): Promise<void> {
    await pollUntil(
      async () => {
        const problems = await this.mesh.sidecarProblems([this.app.namespace]);
        const problem = problems.find(({ pod }) => !this.#brokenBefore.has(pod));
        return problem === undefined
          ? { ready: undefined }
          : { pending: `${problem.pod}: ${problem.problem}: ${problem.detail}` };
      },
      { what: 'every sidecar in sync', timeoutMs: 60_000, intervalMs: 300, signal, code: 'MESHPROOF_MESH_NOT_READY' },
    );
  }

  async facts(): Promise<Pick<RunReport, 'cluster' | 'mesh'>> {
    const [nodes, components] = await Promise.all([this.cluster.nodes(), this.mesh.components()]);
    const installation = await this.mesh.installation?.();
    const { name, version, caveats } = this.mesh;
    return {
      cluster: {
        provider: this.cluster.provider,
        kubernetesVersion: this.cluster.kubernetesVersion,
        nodes: nodes.map((node) => ({ name: node.name, kubeletVersion: node.kubeletVersion })),
      },
      mesh: { name, version, ...(installation && { installation }), components, caveats },
    };
  }

  async delete(): Promise<void> {
    await this.cluster.delete();
    await this.close();
  }

  /** What the deleted lab left on the machine. */
  remains(): Promise<string[]> {
    return this.cluster.remains();
  }

  /** Lets go of a lab that stays. */
  async close(): Promise<void> {
    this.kube.close();
    await rm(this.scratch, { recursive: true, force: true });
  }
}
