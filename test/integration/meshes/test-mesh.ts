import { silentProgress } from '../../../src/base/progress.ts';
import { pollUntil } from '../../../src/base/poll.ts';
import { openLab } from '../../../src/clusters/open-lab.ts';
import type { RunningCluster } from '../../../src/clusters/provider.ts';
import { buildArchive, imageMap } from '../../../src/images/archive.ts';
import type { ImageMap } from '../../../src/images/image.ts';
import { labImages } from '../../../src/lab/images.ts';
import { toolsLock } from '../../../src/lab/mesh-release.ts';
import { setupOf, toolsOf, type OwnMesh } from '../../../src/lab/own-mesh.ts';
import type { KubeObject, PodRef } from '../../../src/kube/types.ts';
import type { Installed, MeshAdapter, MeshContext, MeshSetup } from '../../../src/meshes/adapter.ts';
import type { MeshEntry } from '../../../src/meshes/define-mesh.ts';
import type { Policy } from '../../../src/policies/index.ts';
import type { ToolName } from '../../../src/tools/tool.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';

export const namespace = 'trial';

/** Answers with who called, as its sidecar saw it, and its own pod's name; fails every nth time, all but every nth, or late when asked to. */
const serverProgram = `
let seen = 0;
process.on('SIGTERM', () => process.exit(0));
require('http').createServer((request, response) => {
  const ask = new URL(request.url, 'http://server').searchParams;
  const failEvery = Number(ask.get('failEvery') ?? 0);
  const answerEvery = Number(ask.get('answerEvery') ?? 1);
  seen++;
  const fails = (failEvery > 0 && seen % failEvery === 0) || seen % answerEvery !== 0;
  setTimeout(() => {
    response.statusCode = fails ? 503 : 200;
    const certificate = request.headers['x-forwarded-client-cert'] ?? '';
    const caller = /URI=([^;,]+)/.exec(certificate)?.[1] ?? request.headers['l5d-client-id'] ?? null;
    response.end(JSON.stringify({ caller, pod: require('os').hostname() }));
  }, Number(ask.get('delayMs') ?? 0));
}).listen(8080);`;
/** What `deploy` makes. */
const apps = ['server', 'legacy', 'client', 'stranger', 'outsider'];
const idleProgram = `process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1e6);`;

export interface Answer {
  /** 0: no answer. */
  status: number;
  caller: string | null;
}

export interface TestMesh<Mesh extends MeshAdapter = MeshAdapter> {
  lab: RunningCluster;
  mesh: Mesh;
  /** `server` (2 replicas), `legacy` (no virtual address), clients `client` and `stranger`, and `outsider` without a sidecar. */
  deploy(): Promise<void>;
  /** More services like `server`, of one replica each; disposing takes them away again. */
  deployMore(names: readonly string[]): Promise<AsyncDisposable>;
  podsOf(app: string): Promise<PodRef[]>;
  /** Sequential calls from inside a pod of that app. */
  call(app: string, url: string, times?: number): Promise<Answer[]>;
  /** The same, by the pod that answered each; null where none did. */
  answeredBy(app: string, url: string, times: number): Promise<(string | null)[]>;
  bareServerPod(): KubeObject;
  /** The mesh as a later process comes upon it. */
  anotherProcess(baseline?: readonly Policy[]): Promise<Mesh & Installed>;
  /** The same mesh, adopted or chosen in another way. */
  chosen(setup: MeshSetup): Mesh;
  images: ImageMap;
  /** Every deployment has its replicas ready; default: of those that `deploy` makes. */
  rolledOut(names?: readonly string[]): Promise<void>;
  /** An image with iptables and ss. */
  toolImage: string;
  /** A deployment of an app that does nothing, to be injected and applied. */
  idle(name: string, shape?: Shape): KubeObject;
  settled(): Promise<void>;
}

/** What is opened: an entry, and its adapter with what it has beyond the core. */
export interface TestedMesh<Mesh extends MeshAdapter> {
  entry: MeshEntry;
  open: (context: MeshContext) => Mesh;
  /** What was built of it by the user, and how it is installed. */
  own?: OwnMesh;
}

export async function openTestMesh<Mesh extends MeshAdapter>(of: TestedMesh<Mesh>): Promise<TestMesh<Mesh>> {
  const progress = silentProgress();
  const { signal } = new AbortController();
  const { entry, own = {} } = of;
  const given = own.binaries === undefined ? undefined : { folder: own.binaries, tools: toolsOf(entry, own) };
  const toolbox = createToolbox({ progress, signal, given, lock: toolsLock(own, entry) });
  const lab = await openLab({ name: `mesh-it-${process.pid}`, toolbox, progress });
  try {
    const specs = await labImages(toolbox, {
      names: [...Object.keys(entry.images), 'fault-point', 'probe'],
      mesh: entry,
      own,
    });
    const archive = await buildArchive(specs, { cacheDir: toolbox.cacheDir, progress });
    await lab.loadImages(archive);
    const images = imageMap(archive);
    const context = {
      kube: lab.kube,
      kubeconfigPath: lab.kubeconfigPath,
      images,
      namespace,
      tool: (name: ToolName) => toolbox.get(name),
      progress,
      signal,
    };
    return testMesh(lab, images, entry, (setup = setupOf(own)) => of.open({ ...context, setup }));
  } catch (error) {
    await lab.delete();
    throw error;
  }
}

function testMesh<Mesh extends MeshAdapter>(
  lab: RunningCluster,
  images: ImageMap,
  { keepOut }: MeshEntry,
  open: (setup?: MeshSetup) => Mesh,
): TestMesh<Mesh> {
  const mesh = open();
  const { kube } = lab;
  const image = images['probe']!.ref;
  const podsOf = async (app: string): Promise<PodRef[]> => {
    const pods = await kube.list(`/api/v1/namespaces/${namespace}/pods`, `app=${app}`);
    return pods
      .filter((pod) => !pod.metadata.deletionTimestamp)
      .map(({ metadata, status, spec }) => ({
        namespace,
        name: metadata.name,
        uid: metadata.uid!,
        ip: status.podIP ?? '',
        node: spec.nodeName ?? '',
      }));
  };
  /** Also those that are just going. */
  const podsLeft = async (app: string): Promise<string[]> =>
    (await kube.list(`/api/v1/namespaces/${namespace}/pods`, `app=${app}`)).map(({ metadata }) => metadata.name);
  const rolledOut = async (names: readonly string[] = apps): Promise<void> => {
    for (const name of names) {
      await pollUntil(
        async () => {
          const { spec, status } = await kube.get(`/apis/apps/v1/namespaces/${namespace}/deployments/${name}`);
          return status?.readyReplicas === spec.replicas ? { ready: true } : { pending: JSON.stringify(status) };
        },
        { what: `deployment ${name}`, timeoutMs: 180_000, intervalMs: 250 },
      );
    }
  };
  const ask = async (app: string, url: string, times: number): Promise<(Answer & { pod: string | null })[]> => {
    const [pod] = await podsOf(app);
    const program = `(async () => {
      const answers = [];
      for (let i = 0; i < ${times}; i++) {
        try {
          const response = await fetch('${url}', { signal: AbortSignal.timeout(20000) });
          const text = await response.text();
          const { caller, pod } = response.ok ? JSON.parse(text) : { caller: null, pod: null };
          answers.push({ status: response.status, caller, pod });
        } catch { answers.push({ status: 0, caller: null, pod: null }); }
      }
      console.log(JSON.stringify(answers));
    })()`;
    const result = await kube.exec(pod!, ['node', '-e', program], { container: 'app', timeoutMs: 120_000 });
    if (result.exitCode !== 0) throw new Error(result.stderr);
    return JSON.parse(result.stdout) as (Answer & { pod: string | null })[];
  };
  return {
    lab,
    mesh,
    chosen: open,
    images,
    toolImage: images['fault-point']!.ref,
    idle: (name, shape) => deployment(name, image, idleProgram, shape),
    podsOf,
    async deploy() {
      const noVirtualAddress = { 'meshproof.dev/no-virtual-address': 'true' };
      const objects = [
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
        service('server'),
        deployment('server', image, serverProgram, { replicas: 2, port: 8080 }),
        service('legacy'),
        deployment('legacy', image, serverProgram, { port: 8080, annotations: noVirtualAddress }),
        deployment('client', image, idleProgram),
        deployment('stranger', image, idleProgram),
        deployment('outsider', image, idleProgram, {
          labels: { ...keepOut.labels },
          annotations: { ...keepOut.annotations },
        }),
      ];
      await kube.apply(mesh.inject(objects, { namespace }));
      await rolledOut();
    },
    rolledOut,
    async deployMore(names) {
      const objects = names.flatMap((name) => [service(name), deployment(name, image, serverProgram, { port: 8080 })]);
      await kube.apply(mesh.inject(objects, { namespace }));
      await rolledOut(names);
      return {
        async [Symbol.asyncDispose]() {
          for (const object of objects) await kube.delete(await kube.pathOf(object));
          await pollUntil(
            async () => {
              const left = (await Promise.all(names.map(podsLeft))).flat();
              return left.length === 0 ? { ready: undefined } : { pending: left.join(', ') };
            },
            { what: `${names.join(', ')} are gone`, timeoutMs: 60_000, intervalMs: 250 },
          );
        },
      };
    },
    async anotherProcess(baseline) {
      const later = open();
      return Object.assign(later, await later.install(baseline));
    },
    call: async (app, url, times = 1) => (await ask(app, url, times)).map(({ status, caller }) => ({ status, caller })),
    answeredBy: async (app, url, times) => (await ask(app, url, times)).map(({ pod }) => pod),
    bareServerPod: () => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'server-without-sidecar', namespace, labels: { app: 'server' } },
      spec: deployment('server', image, serverProgram, { port: 8080 }).spec.template.spec,
    }),
    settled: () =>
      pollUntil(
        async () => {
          const problems = await mesh.sidecarProblems([namespace]);
          return problems.length === 0 ? { ready: undefined } : { pending: JSON.stringify(problems[0]) };
        },
        { what: 'every sidecar is in the mesh', timeoutMs: 60_000, intervalMs: 250 },
      ),
  };
}

function service(name: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ name: 'http', appProtocol: 'http', port: 80, targetPort: 8080 }] },
  };
}

interface Shape {
  replicas?: number;
  port?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

function deployment(name: string, image: string, program: string, shape: Shape = {}): KubeObject {
  const { replicas = 1, port, labels = {}, annotations = {} } = shape;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name, ...labels }, annotations },
        spec: {
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: 'app',
              image,
              imagePullPolicy: 'IfNotPresent',
              command: ['node', '-e', program],
              ...(port === undefined ? {} : { ports: [{ containerPort: port }] }),
              securityContext: { runAsUser: 1000, allowPrivilegeEscalation: false },
            },
          ],
        },
      },
    },
  };
}
