import {
  request as httpRequest,
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { startTimer, systemClock } from '../base/clock.ts';
import { MeshproofError, messageOf } from '../base/errors.ts';
import { agentFor } from './agent.ts';
import { KubeApiError } from './kube-api-error.ts';

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  body?: string | undefined;
  contentType?: string | undefined;
  accept?: string | undefined;
  timeoutMs: number;
}

/** A server that says `Retry-After: 0` is not asked again at once. */
const shortestPauseMs = 100;

/** Calls to an API server over kept connections, each with a deadline (client-node has none: its issue 2432). */
export class Transport {
  readonly #config: KubeConfig;
  #agent: Agent | undefined;

  constructor(config: KubeConfig) {
    this.#config = config;
  }

  /**
   * The body of an answer with a 2xx status. Where the server refuses for the moment and says when to come again (429 or
   * 5xx with `Retry-After`), the call is repeated within its time, as client-go does it: it was not carried out.
   *
   * @throws KubeApiError for any other status and for a broken connection; MESHPROOF_KUBE_TIMEOUT when the deadline
   * passes, wherever the call is stuck.
   */
  async send(call: Call): Promise<string> {
    const deadline = systemClock.monotonicMs() + call.timeoutMs;
    const left = (): number => deadline - systemClock.monotonicMs();
    for (;;) {
      try {
        return await this.#attempt(call, left());
      } catch (error) {
        // The server may close an idle connection just as it is used again: https://nodejs.org/api/http.html#requestreusedsocket
        const stale = error instanceof StaleConnection;
        if (stale && call.method === 'POST') throw error.error;
        const pauseMs = stale ? 0 : pauseAskedFor(error);
        if (pauseMs === undefined || pauseMs >= left()) throw stale ? error.error : error;
        await systemClock.sleep(pauseMs);
      }
    }
  }

  /** A request that is ready to be ended, for answers that are read as they come. */
  async request(call: Omit<Call, 'timeoutMs'>): Promise<ClientRequest> {
    const cluster = this.#config.getCurrentCluster()!;
    const server = new URL(cluster.server);
    const options: RequestOptions = {};
    if (server.protocol === 'https:') await this.#config.applyToHTTPSOptions(options as never);
    this.#agent ??= agentFor(server, cluster.proxyUrl, options);
    const base = server.pathname === '/' ? '' : server.pathname.replace(/\/$/, '');
    const send = server.protocol === 'https:' ? httpsRequest : httpRequest;
    return send({
      host: server.hostname.replace(/^\[|\]$/g, ''),
      port: server.port || (server.protocol === 'https:' ? 443 : 80),
      method: call.method,
      path: base + call.path,
      agent: this.#agent,
      auth: options.auth,
      headers: {
        ...options.headers,
        accept: call.accept ?? 'application/json',
        ...(call.body === undefined
          ? {}
          : {
              'content-type': call.contentType ?? 'application/json',
              'content-length': Buffer.byteLength(call.body),
            }),
      },
    });
  }

  close(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }

  async #attempt(call: Call, leftMs: number): Promise<string> {
    const name = `${call.method} ${call.path}`;
    const request = await this.request(call);
    return await new Promise((resolve, reject) => {
      const timer = startTimer(leftMs, () => {
        reject(timeoutOf(name, call.timeoutMs));
        request.destroy();
      });
      const fail = (cause: NodeJS.ErrnoException): void => {
        timer[Symbol.dispose]();
        const error = connectionError(name, cause);
        reject(request.reusedSocket && cause.code === 'ECONNRESET' ? new StaleConnection(error) : error);
      };
      request.once('error', fail);
      request.once('response', (response: IncomingMessage) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', fail);
        response.once('end', () => {
          timer[Symbol.dispose]();
          const body = Buffer.concat(chunks).toString();
          const httpStatus = response.statusCode ?? 0;
          if (httpStatus >= 200 && httpStatus < 300) resolve(body);
          else
            reject(KubeApiError.fromResponse(name, { httpStatus, body, retryAfter: response.headers['retry-after'] }));
        });
      });
      request.end(call.body);
    });
  }
}

class StaleConnection extends Error {
  readonly error: KubeApiError;
  constructor(error: KubeApiError) {
    super(error.message);
    this.error = error;
  }
}

/** What a broken connection is reported as. */
export function connectionError(call: string, cause: NodeJS.ErrnoException): KubeApiError {
  const message = messageOf(cause) || 'connection failed';
  // hpagent's words for what a proxy answered to CONNECT.
  const refused = /^Bad response: (\d)\d\d$/.exec(message)?.[1];
  return new KubeApiError({
    call,
    httpStatus: 0,
    reason:
      refused === undefined
        ? (cause.code ?? 'ConnectionFailed')
        : refused === '5'
          ? 'ProxyUnavailable'
          : 'ProxyRefused',
    message: refused === undefined ? message : `the proxy answered with ${message.slice(-3)}`,
    cause,
  });
}

function pauseAskedFor(error: unknown): number | undefined {
  if (!(error instanceof KubeApiError) || error.retryAfterMs === undefined) return undefined;
  return error.httpStatus === 429 || error.httpStatus >= 500
    ? Math.max(shortestPauseMs, error.retryAfterMs)
    : undefined;
}

export function timeoutOf(what: string, timeoutMs: number): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_KUBE_TIMEOUT',
    `${what}: no answer from the API server within ${timeoutMs} ms`,
    'The API server hangs or the machine is overloaded: see the API server log of the lab.',
    { retryable: true },
  );
}
