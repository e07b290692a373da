import type { KubeConfig } from '@kubernetes/client-node';
import { startTimer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { KubeApiError } from './kube-api-error.ts';
import { openPodStream, sendOn, type PodSocket } from './pod-stream.ts';
import { timeoutOf } from './transport.ts';
import type { ExecOptions, ExecResult } from './types.ts';

const defaultTimeoutMs = 30_000;
const stdinChunkBytes = 32 * 1024;
/** Channels of the `v5.channel.k8s.io` protocol: k8s.io/apimachinery/pkg/util/remotecommand. */
const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 };

interface ExecStatus {
  status?: string;
  reason?: string;
  message?: string;
  code?: number;
  details?: { causes?: { reason?: string; message?: string }[] };
}

/**
 * Runs a program in a container and gathers its output. A non-zero exit is a result, not an error. On a timeout the
 * connection is cut; the program in the container is not killed (the protocol cannot).
 *
 * @throws KubeApiError when it could not be run or the connection died before the exit status came,
 * MESHPROOF_KUBE_TIMEOUT when it did not end in `timeoutMs` (default 30 s), and what `stdout` was destroyed with.
 */
export async function execInPod(
  config: KubeConfig,
  pod: { namespace: string; name: string },
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const { timeoutMs = defaultTimeoutMs, signal, stdout } = options;
  signal?.throwIfAborted();
  const what = `exec ${argv[0] ?? ''} in ${pod.namespace}/${pod.name}`;
  const query = new URLSearchParams({ stdout: 'true', stderr: 'true', stdin: String(options.stdin !== undefined) });
  if (options.container !== undefined) query.set('container', options.container);
  for (const argument of argv) query.append('command', argument);
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  let settle!: { resolve: (status: ExecStatus) => void; reject: (error: unknown) => void };
  const ended = new Promise<ExecStatus>((resolve, reject) => (settle = { resolve, reject }));
  ended.catch(() => {});
  const deadline = startTimer(timeoutMs, () => settle.reject(timeoutOf(what, timeoutMs)));
  const onAbort = (): void => settle.reject(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  let socket: PodSocket | undefined;
  let paused = false;
  const onOutput = (data: Buffer): void => {
    if (stdout === undefined) return void output.push(Buffer.from(data));
    if (stdout.destroyed || stdout.write(Buffer.from(data)) || paused) return;
    paused = true;
    socket?.pause();
    stdout.once('drain', () => {
      paused = false;
      socket?.resume();
    });
  };
  const onReaderEnd = (error?: Error | null): void =>
    settle.reject(error ?? new Error(`${what}: its reader has ended`));
  stdout?.once('error', onReaderEnd).once('close', onReaderEnd);
  try {
    socket = await openPodStream({
      config,
      what,
      path: `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/exec?${query.toString()}`,
      timeoutMs,
      onMessage: (channel, data) => {
        if (channel === channels.status) settle.resolve(parseStatus(data));
        else if (channel === channels.stdout) onOutput(data);
        else if (channel === channels.stderr) errors.push(Buffer.from(data));
      },
      onClose: (reason) =>
        settle.reject(new KubeApiError({ call: what, httpStatus: 0, reason: 'StreamClosed', message: reason })),
    });
    // Output may have come with the handshake.
    if (paused) socket.pause();
    if (options.stdin !== undefined) await writeStdin(socket, options.stdin, ended);
    const status = await ended;
    return {
      stdout: Buffer.concat(output).toString(),
      stderr: Buffer.concat(errors).toString(),
      exitCode: exitCodeOf(what, status),
    };
  } finally {
    deadline[Symbol.dispose]();
    signal?.removeEventListener('abort', onAbort);
    stdout?.off('error', onReaderEnd).off('close', onReaderEnd);
    socket?.terminate();
  }
}

async function writeStdin(
  socket: PodSocket,
  stdin: string | AsyncIterable<string>,
  ended: Promise<unknown>,
): Promise<void> {
  const over = ended.then(
    () => true as const,
    () => true as const,
  );
  const pieces = typeof stdin === 'string' ? once(stdin) : stdin[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([pieces.next(), over]);
    if (next === true) return;
    if (next.done) break;
    const bytes = Buffer.from(next.value);
    for (let at = 0; at < bytes.length; at += stdinChunkBytes) {
      const sent = sendOn(socket, channels.stdin, bytes.subarray(at, at + stdinChunkBytes));
      sent.catch(() => {});
      // A program may end without reading all of its input; then the rest is of no use.
      if ((await Promise.race([sent, over])) === true) return;
    }
  }
  if (socket.protocol !== 'v5.channel.k8s.io') {
    throw new KubeApiError({
      call: 'exec',
      httpStatus: 0,
      reason: 'StdinUnsupported',
      message: `the server speaks ${socket.protocol}, which cannot end standard input`,
    });
  }
  await Promise.race([sendOn(socket, channels.close, Buffer.from([channels.stdin])).catch(() => {}), over]);
}

async function* once(text: string): AsyncGenerator<string, undefined> {
  yield text;
}

function parseStatus(data: Buffer): ExecStatus {
  try {
    return JSON.parse(data.toString()) as ExecStatus;
  } catch (error) {
    return { status: 'Failure', reason: 'BadStatus', message: messageOf(error) };
  }
}

/** containerd's words for a program that is not in the image: no internal error that would pass. */
const noSuchProgram = /exec: "[^"]*": (executable file not found|stat .*: no such file|permission denied)/;

function exitCodeOf(what: string, { status, reason, message = 'no message', code, details }: ExecStatus): number {
  if (status === 'Success') return 0;
  const cause = details?.causes?.find((one) => one.reason === 'ExitCode');
  if (reason === 'NonZeroExitCode' && cause?.message !== undefined) return Number(cause.message);
  const stays = noSuchProgram.test(message);
  throw new KubeApiError({
    call: what,
    httpStatus: stays ? 0 : (code ?? 0),
    reason: stays ? 'NoSuchProgram' : (reason ?? 'ExecFailed'),
    message,
  });
}
