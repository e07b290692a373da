import { closeSync, openSync } from 'node:fs';
import { execa } from 'execa';
import { MeshproofError } from './errors.ts';

export interface CommandResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

export interface CommandOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** Given on standard input; otherwise standard input is closed. */
  input?: string | Uint8Array;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Exit codes that are not an error; default [0]. */
  okExitCodes?: number[];
  /** Live output lines (both streams), for progress. */
  onLine?: (line: string) => void;
}

/** Process groups that are alive; killed when this process exits, since `detached` children do not see Ctrl-C. */
const groups = new Set<number>();
let hooked = false;

function registerGroup(pid: number): void {
  groups.add(pid);
  if (hooked) return;
  hooked = true;
  process.once('exit', () => {
    for (const group of groups) signalGroup(group, 'SIGKILL');
  });
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Gone already, which is what was wanted.
  }
}

/**
 * Runs a program to its end, without a shell. The whole process group dies on timeout or abort: a grandchild that
 * keeps the output pipe open would otherwise hang the call (execa 9 kills only the direct child).
 *
 * @throws MeshproofError MESHPROOF_COMMAND_FAILED with the last lines of output.
 */
export async function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [file, ...args] = argv;
  if (file === undefined) throw new TypeError('argv is empty');
  options.signal?.throwIfAborted();
  const child = execa(file, args, {
    env: options.env,
    cwd: options.cwd,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    reject: false,
    detached: true,
    stripFinalNewline: false,
    maxBuffer: 64 * 1024 * 1024,
  });
  const { pid } = child;
  let timedOut = false;
  if (pid !== undefined) registerGroup(pid);
  const kill = (): void => {
    if (pid !== undefined) signalGroup(pid, 'SIGKILL');
  };
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          kill();
        }, options.timeoutMs);
  options.signal?.addEventListener('abort', kill, { once: true });
  if (options.onLine) {
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) options.onLine?.(line);
      });
    }
  }
  try {
    const result = await child;
    options.signal?.throwIfAborted();
    const exitCode = result.exitCode ?? (result.code === 'ENOENT' ? 127 : 128);
    if (timedOut || !(options.okExitCodes ?? [0]).includes(exitCode)) {
      const why = timedOut
        ? `did not end within ${options.timeoutMs} ms`
        : result.code === 'ENOENT'
          ? 'was not found'
          : `failed with exit code ${exitCode}${result.signal ? ` (${result.signal})` : ''}`;
      const tail = `${result.stderr}\n${result.stdout}`.trim().split('\n').slice(-8).join('\n');
      throw new MeshproofError(
        'MESHPROOF_COMMAND_FAILED',
        `${file} ${why}${tail ? `:\n${tail}` : ''}`,
        `The command was: ${argv.join(' ')}`,
      );
    }
    return { stdout: result.stdout, stderr: result.stderr, exitCode };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', kill);
    if (pid !== undefined) groups.delete(pid);
  }
}

/** A program that runs until it is stopped. */
export interface RunningCommand extends AsyncDisposable {
  readonly pid: number;
  /** Settles when the program ends by itself or is stopped; never rejects. */
  readonly ended: Promise<{ exitCode: number | undefined; signal: string | undefined; stderr: string }>;
  /**
   * SIGINT by default (tcpdump flushes on it), SIGKILL to the whole group after `graceMs`. Idempotent.
   * Resolves to whether the SIGKILL was needed: a program that died of somebody else's looks the same in `ended`.
   */
  stop(options?: { signal?: NodeJS.Signals; graceMs?: number }): Promise<{ killed: boolean }>;
}

export interface StartOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** Output goes to this file instead of memory. */
  outputFile?: string;
  /** Called for each line of standard error (not with outputFile). */
  onStderrLine?: (line: string) => void;
}

/** Starts a long-running program in its own process group; the group is killed if this process exits. */
export function startCommand(argv: readonly string[], options: StartOptions = {}): RunningCommand {
  const [file, ...args] = argv;
  if (file === undefined) throw new TypeError('argv is empty');
  const output = options.outputFile === undefined ? undefined : openSync(options.outputFile, 'a');
  // A descriptor, not execa's own file option: the program keeps writing when this process is killed. execa's types know only 0, 1 and 2.
  const descriptor = output as unknown as 'ignore' | undefined;
  const child = execa(file, args, {
    env: options.env ?? {},
    cwd: options.cwd ?? process.cwd(),
    stdio: ['ignore', descriptor ?? 'ignore', descriptor ?? 'pipe'],
    buffer: false,
    reject: false,
    detached: true,
  });
  if (output !== undefined) closeSync(output);
  const { pid } = child;
  if (pid === undefined) {
    throw new MeshproofError(
      'MESHPROOF_COMMAND_FAILED',
      `${file} could not be started`,
      `The command was: ${argv.join(' ')}`,
    );
  }
  registerGroup(pid);
  let stderr = '';
  let rest = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    const text = chunk.toString();
    stderr = (stderr + text).slice(-8192);
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) options.onStderrLine?.(line);
  });
  const ended = child.then((result) => {
    groups.delete(pid);
    return { exitCode: result.exitCode, signal: result.signal, stderr };
  });
  const stop: RunningCommand['stop'] = async ({ signal = 'SIGINT', graceMs = 3000 } = {}) => {
    let killed = false;
    signalGroup(pid, signal);
    const timer = setTimeout(() => {
      killed = true;
      signalGroup(pid, 'SIGKILL');
    }, graceMs);
    await ended;
    clearTimeout(timer);
    return { killed };
  };
  return {
    pid,
    ended,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}
