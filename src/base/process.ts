import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { MeshproofError } from './errors.ts';

export interface CommandResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

export interface CommandOptions {
  env?: Record<string, string> | undefined;
  cwd?: string | undefined;
  /** Given on standard input; otherwise standard input is closed. */
  input?: string | Uint8Array | undefined;
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Exit codes that are not an error; default [0]. */
  okExitCodes?: number[] | undefined;
  /** Live output lines (both streams), for progress. */
  onLine?: ((line: string) => void) | undefined;
}

/**
 * Every program has a process group of its own, which dies as a whole: at its deadline, when it is aborted, and when this
 * process ends, by a signal too. A grandchild that keeps the output pipe open would otherwise hang the call.
 */
const wholeGroup = { killDescendants: true, killSignal: 'SIGKILL', forceKillAfterDelay: false } as const;

/** A timer of Node's fires at once when its time is longer than this. */
const longestTimerMs = 2 ** 31 - 1;

function eachLine(stream: Readable | null, onLine: ((line: string) => void) | undefined): void {
  if (stream && onLine) createInterface({ input: stream }).on('line', onLine);
}

/**
 * Runs a program to its end, without a shell. Its whole process group dies on timeout or abort.
 *
 * @throws MeshproofError MESHPROOF_COMMAND_FAILED with the last lines of output.
 */
export async function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [file, ...args] = argv;
  if (file === undefined) throw new TypeError('argv is empty');
  const { timeoutMs, signal } = options;
  signal?.throwIfAborted();
  const child = execa(file, args, {
    ...wholeGroup,
    ...(options.env && { env: options.env }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(timeoutMs !== undefined && { timeout: Math.min(Math.max(1, Math.ceil(timeoutMs)), longestTimerMs) }),
    ...(signal && { cancelSignal: signal }),
    reject: false,
    stripFinalNewline: false,
    maxBuffer: 64 * 1024 * 1024,
  });
  eachLine(child.stdout, options.onLine);
  eachLine(child.stderr, options.onLine);
  const result = await child;
  signal?.throwIfAborted();
  const exitCode = result.exitCode ?? (result.code === 'ENOENT' ? 127 : 128);
  if (!result.timedOut && (options.okExitCodes ?? [0]).includes(exitCode)) {
    return { stdout: result.stdout, stderr: result.stderr, exitCode };
  }
  const why = result.timedOut
    ? `did not end within ${timeoutMs} ms`
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
  env?: Record<string, string> | undefined;
  cwd?: string | undefined;
  /** Output goes to this file instead of memory. */
  outputFile?: string | undefined;
  /** Called for each line of standard error (not with outputFile). */
  onStderrLine?: ((line: string) => void) | undefined;
  /** Gets standard output as it comes; whoever takes it must read it, or the program waits. Left out, it goes nowhere. */
  onStdout?: ((stdout: Readable) => void) | undefined;
}

/** Starts a long-running program in its own process group; the group is killed if this process ends. */
export function startCommand(argv: readonly string[], options: StartOptions = {}): RunningCommand {
  const [file, ...args] = argv;
  if (file === undefined) throw new TypeError('argv is empty');
  const output = options.outputFile === undefined ? undefined : openSync(options.outputFile, 'a');
  // A descriptor, not execa's own file option: the program keeps writing when this process is killed. execa's types know only 0, 1 and 2.
  const descriptor = output as unknown as 'ignore' | undefined;
  const child = execa(file, args, {
    ...wholeGroup,
    env: options.env ?? {},
    cwd: options.cwd ?? process.cwd(),
    stdio: ['ignore', descriptor ?? (options.onStdout ? 'pipe' : 'ignore'), descriptor ?? 'pipe'],
    buffer: false,
    reject: false,
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
  if (child.stdout) options.onStdout?.(child.stdout);
  let stderr = '';
  eachLine(child.stderr, (line) => {
    stderr = `${stderr}${line}\n`.slice(-8192);
    options.onStderrLine?.(line);
  });
  const ended = child.then(({ exitCode, signal }) => ({ exitCode, signal, stderr }));
  const stop: RunningCommand['stop'] = async ({ signal = 'SIGINT', graceMs = 3000 } = {}) => {
    let killed = false;
    child.kill(signal);
    const timer = setTimeout(() => {
      killed = true;
      child.kill('SIGKILL');
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
