import { request as httpRequest } from 'node:http';
import { Duplex } from 'node:stream';
import type { KubeConfig } from '@kubernetes/client-node';
import { startTimer, type Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { KubeApiError } from './kube-api-error.ts';
import { openPodStream, sendOn, type PodSocket } from './pod-stream.ts';
import { timeoutOf } from './transport.ts';

const defaultTimeoutMs = 10_000;
/** Port-forward has a data and an error channel; each starts with the port number in two bytes. */
const channels = { data: 0, error: 1 };

export interface PodHttpOptions {
  method?: string;
  timeoutMs?: number | undefined;
  headers?: Record<string, string>;
  body?: string;
}

/**
 * One HTTP/1.1 request to 127.0.0.1:port inside a pod, over a port-forward of its own.
 *
 * @throws KubeApiError when the pod cannot be reached or nothing listens on the port, MESHPROOF_KUBE_TIMEOUT
 */
export async function podHttp(
  config: KubeConfig,
  pod: { namespace: string; name: string },
  port: number,
  path: string,
  options: PodHttpOptions = {},
): Promise<{ status: number; body: string }> {
  const { timeoutMs = defaultTimeoutMs, method = 'GET' } = options;
  const what = `${method} ${pod.namespace}/${pod.name}:${port}${path}`;
  const failure = (message: string, cause?: unknown): KubeApiError =>
    new KubeApiError({ call: what, httpStatus: 0, reason: 'PortForwardFailed', message, cause });
  const startedAt = performance.now();
  const connection = new PodConnection();
  // It may fail before node:http listens, and after it has stopped to.
  let broken: Error | undefined;
  connection.on('error', (error: Error) => (broken = error));
  const socket = await openPodStream({
    config,
    what,
    path: `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/portforward?ports=${port}`,
    timeoutMs,
    onMessage: (channel, data) => connection.receive(channel, data),
    onClose: () => connection.endInput(),
  });
  connection.attach(socket);
  let timer: Timer | undefined;
  try {
    // node:http never hears of an error from before it had the connection.
    if (connection.errored) throw failure(connection.errored.message, connection.errored);
    return await new Promise((resolve, reject) => {
      timer = startTimer(timeoutMs - (performance.now() - startedAt), () => reject(timeoutOf(what, timeoutMs)));
      const request = httpRequest({
        method,
        path,
        host: '127.0.0.1',
        port,
        // Only used when no agent is given, `agent: false` included.
        createConnection: () => connection as never,
        headers: {
          ...options.headers,
          connection: 'close',
          ...(options.body === undefined ? {} : { 'content-length': Buffer.byteLength(options.body) }),
        },
      });
      request.once('error', (error) => reject(failure(messageOf(broken ?? error), error)));
      request.once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', (error) => reject(failure(messageOf(error), error)));
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
        );
      });
      request.end(options.body);
    });
  } finally {
    timer?.[Symbol.dispose]();
    socket.terminate();
    connection.destroy();
  }
}

/** The two channels of a port-forward as a stream that node:http can use as its socket. */
class PodConnection extends Duplex {
  #socket: PodSocket | undefined;
  readonly #awaitsPort = new Set([channels.data, channels.error]);

  attach(socket: PodSocket): void {
    this.#socket = socket;
  }

  receive(channel: number, data: Buffer): void {
    const content = this.#awaitsPort.delete(channel) ? data.subarray(2) : data;
    if (content.length === 0 || this.destroyed) return;
    if (channel === channels.data) this.push(Buffer.from(content));
    else if (channel === channels.error) this.destroy(new Error(content.toString().trim()));
  }

  endInput(): void {
    if (!this.destroyed) this.push(null);
  }

  override _read(): void {
    // Answers are small and come as they come: the protocol has no way to slow the sender down.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    sendOn(this.#socket!, channels.data, chunk).then(() => done(), done);
  }

  // node:http calls these on its sockets.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
