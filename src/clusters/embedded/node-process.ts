import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { access, mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshproofError } from '../../base/errors.ts';
import { pollUntil } from '../../base/poll.ts';
import { initScript } from './init-script.ts';
import { labelledProcesses } from '../../base/process-identity.ts';

/** Every process of a node carries `MESHPROOF_LAB=<lab id>`, so that it is found even if nobody noted its pid. */
export const labVariable = 'MESHPROOF_LAB';

export interface NodeProcessOptions {
  dir: string;
  /** What errors call it: `The node`. */
  title: string;
  labId: string;
  hostname: string;
  env: Record<string, string>;
  /** Directories the node reads and writes: the lab's, the tool cache. */
  keep: string[];
  /** The node dies with this process when it ends by itself, also on an unforeseen error. */
  ownedByProcess: boolean;
  signal?: AbortSignal | undefined;
}

/** A node's namespaces, held by its first process. */
export interface NodeProcess {
  /** Pid of the node's init as the host sees it: the door to its namespaces and files. */
  readonly pid: number;
  /** Starts a component whose start script has been written. */
  start(component: string): Promise<void>;
  /** @throws MeshproofError MESHPROOF_CLUSTER_START when the node or a component has ended. */
  check(): Promise<void>;
}

const subdirectories = ['start', 'log', 'ended', 'ready', 'kubelet', 'pod-logs'];

/** Makes the namespaces and starts the init in them; resolves when it waits for components. */
export async function startNodeProcess(options: NodeProcessOptions): Promise<NodeProcess> {
  const { dir, title, labId, signal } = options;
  for (const name of subdirectories) await mkdir(join(dir, name), { recursive: true });
  const script = join(dir, 'init.sh');
  await writeFile(script, initScript({ dir, keep: options.keep, hostname: options.hostname }));
  const log = openSync(join(dir, 'log', 'init.log'), 'a');
  const control = join(dir, 'control');
  const mkfifo = `mkfifo -m 600 "$0" && exec unshare --mount --pid --net --uts --ipc --fork /bin/sh "$1"`;
  const child = spawn('/bin/sh', ['-c', mkfifo, control, script], {
    env: { ...options.env, [labVariable]: labId },
    cwd: '/',
    stdio: ['ignore', log, log],
    // A lab left by `up` outlives this process and its terminal.
    detached: true,
  });
  closeSync(log);
  let failure: string | undefined;
  child.once('error', (error) => (failure = error.message));
  child.once('exit', (code, by) => (failure ??= `ended with ${by ?? `exit code ${code}`}`));
  child.unref();
  if (options.ownedByProcess) killAtExit(labId);
  const check = async (): Promise<void> => {
    if (failure === undefined) return;
    throw await startError(options, 'init', failure);
  };
  await pollUntil(
    async () => {
      await check();
      return (await exists(join(dir, 'ready', 'init'))) ? { ready: true } : { pending: 'its init prepares its mounts' };
    },
    { what: title, timeoutMs: 10_000, intervalMs: 5, signal, code: 'MESHPROOF_CLUSTER_START' },
  );
  return attachNodeProcess({ dir, title }, check);
}

/** A node of a lab that is already up. */
export function attachNodeProcess(
  node: Pick<NodeProcessOptions, 'dir' | 'title'>,
  check: () => Promise<void> = async () => {},
): NodeProcess {
  const { dir } = node;
  const pid = Number(readFileSync(join(dir, 'init.pid'), 'utf8'));
  return {
    pid,
    async start(component) {
      const fifo = await open(join(dir, 'control'), 'w');
      await fifo.write(`${component}\n`);
      await fifo.close();
    },
    async check() {
      await check();
      for (const component of await endedComponents(dir)) {
        const code = (await readFile(join(dir, 'ended', component), 'utf8')).trim();
        throw await startError(node, component, `ended with exit code ${code}`);
      }
    },
  };
}

const owned = new Set<string>();

/** The last resort for an unforeseen end of this process; the files of the lab are then left to the next reaping. */
function killAtExit(labId: string): void {
  if (owned.size === 0) process.once('exit', () => owned.forEach(killLabProcesses));
  owned.add(labId);
}

/** SIGKILL to everything that carries the lab's mark; the kernel then ends all else in the node's pid namespace. */
export function killLabProcesses(labId: string): number[] {
  const pids = labelledProcesses(labVariable)
    .filter(({ pid, value }) => value === labId && pid !== process.pid)
    .map(({ pid }) => pid);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }
  return pids;
}

async function endedComponents(dir: string): Promise<string[]> {
  return readdir(join(dir, 'ended')).catch(() => []);
}

/** Names the component and quotes the end of its log. */
async function startError(
  { dir, title }: Pick<NodeProcessOptions, 'dir' | 'title'>,
  component: string,
  what: string,
): Promise<MeshproofError> {
  const log = await readFile(join(dir, 'log', `${component}.log`), 'utf8').catch(() => '');
  const tail = log.trim().split('\n').slice(-6).join('\n');
  return new MeshproofError(
    'MESHPROOF_CLUSTER_START',
    `${title}'s ${component} ${what}${tail ? `:\n${tail}` : ''}`,
    component === 'init'
      ? 'Namespaces and mounts must be allowed: run as root on the host, or in a --privileged container.'
      : 'Run `meshproof doctor`: is the program of the expected version?',
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
