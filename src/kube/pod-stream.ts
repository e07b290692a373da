import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { Exec, type KubeConfig } from '@kubernetes/client-node';
import { WebSocket, type ClientOptions } from 'ws';
import { startTimer, type Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { KubeApiError } from './kube-api-error.ts';
import { connectionError, timeoutOf } from './transport.ts';

/** The part of a `ws` WebSocket that is used here. */
export interface PodSocket {
  readonly protocol: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: Buffer, done: (error?: Error) => void): void;
  /** No more messages than those that are here already, until `resume`. */
  pause(): void;
  resume(): void;
  close(): void;
  terminate(): void;
  on(event: 'close', listener: (code: number, reason: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

const closing = 2;

export interface PodStreamOptions {
  config: KubeConfig;
  /** What is done, for error messages: `exec trips-abc`. */
  what: string;
  /** `/api/v1/namespaces/…/exec?…` or `…/portforward?…`. */
  path: string;
  timeoutMs: number;
  onMessage: (channel: number, data: Buffer) => void;
  /** Once, however the connection ends after it was open. */
  onClose: (reason: string) => void;
}

/**
 * Opens a streaming connection to a pod with client-node's WebSocketHandler. Its defaults would end this process's own
 * stdout on a v5 CLOSE frame, so it gets streams that nobody reads.
 *
 * @throws KubeApiError when the server refuses, MESHPROOF_KUBE_TIMEOUT when it does not answer.
 */
export async function openPodStream(options: PodStreamOptions): Promise<PodSocket> {
  const { what, timeoutMs } = options;
  const handler = new Exec(options.config).handler;
  let opening: WebSocket | undefined;
  let refusal: KubeApiError | undefined;
  Object.assign(handler, {
    streams: { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() },
    // To be able to give up: a handshake that nobody answers has no end of its own, and keeps this process alive.
    socketFactory: (uri: string, protocols: string[], tls: ClientOptions) => {
      const socket = new WebSocket(uri, protocols, tls);
      // On its own, `ws` says "Unexpected server response: 404" and keeps the API server's reason to itself.
      socket.once('unexpected-response', (_request: unknown, response: IncomingMessage) => {
        void refusalOf(what, response).then((error) => {
          refusal = error;
          socket.terminate();
        });
      });
      return (opening = socket);
    },
  });
  const connecting = handler.connect(options.path, null, (channel, data) => {
    options.onMessage(channel, data);
    return true;
  }) as unknown as Promise<PodSocket>;
  let timer: Timer | undefined;
  let late = false;
  try {
    const socket = await Promise.race([
      connecting,
      new Promise<never>((_, reject) => {
        timer = startTimer(timeoutMs, () => {
          late = true;
          reject(timeoutOf(what, timeoutMs));
        });
      }),
    ]);
    let closed = false;
    const onClose = (reason: string): void => {
      if (closed) return;
      closed = true;
      options.onClose(reason);
    };
    socket.on('close', (code, reason) =>
      onClose(`connection closed (${code}${reason.length ? `: ${reason.toString()}` : ''})`),
    );
    socket.on('error', (error) => onClose(messageOf(error)));
    if (socket.readyState >= closing) onClose('connection closed at once');
    return socket;
  } catch (error) {
    if (late) {
      connecting.catch(() => {});
      opening?.terminate();
      throw error;
    }
    throw refusal ?? connectionError(what, causeOf(error));
  } finally {
    timer?.[Symbol.dispose]();
  }
}

/** Sends with back-pressure: resolves when the bytes have left. */
export function sendOn(socket: PodSocket, channel: number, data: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(Buffer.concat([Buffer.from([channel]), data]), (error) => (error ? reject(error) : resolve()));
  });
}

const longestRefusal = 16 * 1024;

async function refusalOf(what: string, response: IncomingMessage): Promise<KubeApiError> {
  let body = '';
  try {
    for await (const chunk of response) {
      body += String(chunk);
      if (body.length > longestRefusal) break;
    }
  } catch {
    // The status alone says enough.
  }
  const { statusCode: httpStatus = 0, headers } = response;
  return KubeApiError.fromResponse(what, { httpStatus, body, retryAfter: headers['retry-after'] });
}

/** client-node rejects with the event, not with its error. */
function causeOf(error: unknown): NodeJS.ErrnoException {
  const { error: inner } = (error ?? {}) as { error?: unknown };
  return inner instanceof Error ? inner : error instanceof Error ? error : new Error(messageOf(error));
}
