import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../../src/base/process.ts';
import { pollUntil } from '../../../src/base/poll.ts';
import { chaosLabel } from '../../../src/faults/injectors/targets.ts';
import { KubeApiError } from '../../../src/kube/kube-api-error.ts';
import type { ExecResult, KubeClient, PodRef } from '../../../src/kube/types.ts';

interface Container {
  child: ChildProcess;
  /** With timestamps, as the kubelet gives them. */
  log: string;
  ended: Promise<void>;
  exitCode?: number;
}

interface EphemeralContainer {
  name: string;
  command: string[];
  env: { name: string; value: string }[];
}

/** One answer that the "sidecar" got from the app. */
export interface Answer {
  id: string;
  status: number;
  headers?: Record<string, string>;
  body?: string;
  error?: string;
}

let counter = 0;
const pointDir = '/tmp/meshproof';

/**
 * A pod without a cluster: a network namespace with a real app, a real process as the sidecar (uid 1337), and real programs in
 * namespaces of their own as its ephemeral containers. `kube` answers the calls of an API server that a fault makes.
 */
export class LocalPod implements AsyncDisposable {
  readonly ref: PodRef;
  readonly kube: KubeClient;
  allowsChaos = true;
  private readonly netns: string;
  private readonly path: string;
  private readonly containers = new Map<string, Container>();
  private app: ChildProcess | undefined;
  private sidecar: ChildProcess | undefined;

  constructor(binDirectory: string) {
    this.netns = `mp-fault-${process.pid}-${counter++}`;
    this.path = `${binDirectory}:/usr/sbin:/usr/bin:/sbin:/bin`;
    this.ref = { namespace: 'test', name: this.netns, uid: `uid-${this.netns}`, ip: '127.0.0.9', node: 'here' };
    this.kube = this.asKube();
  }

  async start(): Promise<void> {
    await mkdir(pointDir, { recursive: true });
    await runCommand(['ip', 'netns', 'add', this.netns]);
    await runCommand(['ip', '-n', this.netns, 'link', 'set', 'lo', 'up']);
    // A mesh's own rule. It also keeps connection tracking alive: the kernel drops it for a network namespace with the last rule
    // that needs it, and connections that were redirected break.
    await this.run(['iptables', '-t', 'nat', '-A', 'PREROUTING', '-p', 'tcp', '-j', 'REDIRECT', '--to-ports', '15001']);
    this.app = this.spawnInside([process.execPath, program('app.mjs')]);
    await new Promise((resolve) => this.app?.stdout?.once('data', resolve));
    this.sidecar = this.spawnInside([process.execPath, program('sidecar.mjs')]);
  }

  /** The sidecar calls the app; keep-alive connections stay open between calls. */
  async calls(options: {
    count: number;
    prefix: string;
    path?: string;
    timeoutMs?: number;
    parallel?: number;
  }): Promise<Answer[]> {
    const { sidecar } = this;
    if (!sidecar?.stdin || !sidecar.stdout) throw new Error('not started');
    const lines = createInterface({ input: sidecar.stdout });
    const answer = new Promise<Answer[]>((resolve) =>
      lines.once('line', (line) => resolve(JSON.parse(line) as Answer[])),
    );
    sidecar.stdin.write(`${JSON.stringify({ path: '/api/trips', parallel: 4, ...options })}\n`);
    return await answer.finally(() => lines.close());
  }

  /** Runs a program in the pod's network namespace. */
  async run(argv: string[]): Promise<string> {
    const result = await runCommand(['ip', 'netns', 'exec', this.netns, ...argv], { env: { PATH: this.path } });
    return result.stdout;
  }

  async faultRules(): Promise<string[]> {
    return (await this.natRules()).filter((rule) => rule.includes('meshproof'));
  }

  async natRules(): Promise<string[]> {
    return (await this.run(['iptables-save', '-t', 'nat'])).split('\n').filter((line) => line.startsWith('-A'));
  }

  /** What the out-of-memory killer does to a container. */
  async killContainer(name: string): Promise<void> {
    const container = this.containers.get(this.nameOf(name));
    container?.child.kill('SIGKILL');
    await container?.ended;
  }

  /** Host pid of a program in a container. */
  async pidIn(container: string, command: string): Promise<number> {
    const root = await this.firstPid(this.nameOf(container));
    const { stdout } = await runCommand(['ps', '-o', 'pid=,comm=', '--ppid', String(root)]);
    const line = stdout.split('\n').find((text) => text.trim().endsWith(command));
    return Number(line?.trim().split(' ')[0]);
  }

  running(): string[] {
    return [...this.containers].filter(([, container]) => container.exitCode === undefined).map(([name]) => name);
  }

  log(container: string): string {
    return this.containers.get(this.nameOf(container))?.log ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const container of this.containers.values()) container.child.kill('SIGKILL');
    await Promise.all([...this.containers.values()].map((container) => container.ended));
    const ends = [this.app, this.sidecar].map(
      (child) => new Promise((resolve) => (child ? child.once('exit', resolve) : resolve(undefined))),
    );
    this.app?.kill('SIGKILL');
    this.sidecar?.kill('SIGKILL');
    await Promise.all(ends);
    await runCommand(['ip', 'netns', 'del', this.netns]);
    await rmdir(pointDir).catch(() => undefined);
  }

  /** Container names carry a random id: `meshproof-fault` finds `meshproof-fault-1a2b`. */
  private nameOf(prefix: string): string {
    return [...this.containers.keys()].find((name) => name.startsWith(prefix)) ?? prefix;
  }

  private spawnInside(argv: string[], env: Record<string, string> = {}): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.netns, ...argv], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: this.path, ...env },
    });
  }

  private startContainer({ name, command, env }: EphemeralContainer): void {
    // As the kubelet does it: `$$` becomes `$`.
    const expand = (text: string): string => text.replaceAll('$$', '$');
    const namespaces = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const ownDirectory = ['sh', '-c', `mount -t tmpfs tmpfs ${pointDir} && exec "$@"`, 'sh'];
    const child = this.spawnInside(
      [...namespaces, ...ownDirectory, ...command.map(expand)],
      Object.fromEntries(env.map((item) => [item.name, expand(item.value)])),
    );
    const container: Container = {
      child,
      log: '',
      ended: new Promise((resolve) => {
        child.once('close', (code) => {
          container.exitCode = code ?? 137;
          resolve();
        });
      }),
    };
    const lines = createInterface({ input: child.stdout! });
    lines.on('line', (line) => (container.log += `${new Date().toISOString()} ${line}\n`));
    this.containers.set(name, container);
  }

  /** First process of a container: the child of unshare. */
  private async firstPid(name: string): Promise<number> {
    const unshare = this.containers.get(name)?.child.pid;
    const children = await readFile(`/proc/${unshare}/task/${unshare}/children`, 'utf8');
    return Number(children.trim().split(' ')[0]);
  }

  private asKube(): KubeClient {
    const pod = `/api/v1/namespaces/test/pods/${this.netns}`;
    const get = async (path: string): Promise<unknown> => {
      if (path === '/api/v1/namespaces/test') {
        return { metadata: { name: 'test', labels: this.allowsChaos ? { [chaosLabel.name]: chaosLabel.value } : {} } };
      }
      if (path !== pod)
        throw new KubeApiError({ call: `GET ${path}`, httpStatus: 404, reason: 'NotFound', message: 'not found' });
      const ephemeralContainerStatuses = [...this.containers].map(([name, { exitCode }]) => ({
        name,
        state: exitCode === undefined ? { running: {} } : { terminated: { exitCode } },
      }));
      return {
        metadata: { name: this.netns, uid: this.ref.uid },
        spec: { ephemeralContainers: [...this.containers.keys()].map((name) => ({ name })) },
        status: { ephemeralContainerStatuses },
      };
    };
    const client: Partial<KubeClient> = {
      get: get as KubeClient['get'],
      getText: async (path) => this.log(new URL(path, 'http://api').searchParams.get('container') ?? ''),
      patch: async (path, body) => {
        if (path !== `${pod}/ephemeralcontainers`) throw new Error(`unexpected PATCH ${path}`);
        const { spec } = body as { spec: { ephemeralContainers: EphemeralContainer[] } };
        for (const container of spec.ephemeralContainers) this.startContainer(container);
        return { apiVersion: 'v1', kind: 'Pod', metadata: { name: this.netns } };
      },
      exec: async (_pod, argv, options): Promise<ExecResult> => {
        const name = options?.container ?? '';
        if (this.containers.get(name)?.exitCode !== undefined) {
          throw new KubeApiError({ call: 'exec', httpStatus: 500, reason: 'InternalError', message: 'not running' });
        }
        const pid = await this.firstPid(name);
        const child = spawn('nsenter', ['-t', String(pid), '-m', '-p', '-n', ...argv], { env: { PATH: this.path } });
        // A command that ends without reading what it is told breaks the pipe, and that is all right.
        child.stdin.on('error', () => {});
        Readable.from(options?.stdin ?? []).pipe(child.stdin);
        const stderr = text(child.stderr);
        const stdout = options?.stdout
          ? pipeline(child.stdout, options.stdout, { end: false }).then(() => '')
          : text(child.stdout);
        const exitCode = await new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 137)));
        return { stdout: await stdout, stderr: await stderr, exitCode };
      },
    };
    return client as KubeClient;
  }
}

function program(name: string): string {
  return fileURLToPath(new URL(`programs/${name}`, import.meta.url));
}

/** Waits for something that happens by itself in the pod. */
export async function eventually(
  what: string,
  look: () => Promise<boolean> | boolean,
  timeoutMs = 15_000,
): Promise<void> {
  await pollUntil(async () => ((await look()) ? { ready: true } : { pending: 'not yet' }), {
    what,
    timeoutMs,
    intervalMs: 50,
  });
}
