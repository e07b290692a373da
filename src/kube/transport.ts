import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { MeshproofError, messageOf } from '../base/errors.ts';
import { KubeApiError } from './kube-api-error.ts';

export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  body?: string;
  contentType?: string;
  accept?: string;
  timeoutMs: number;
}

/** One agent for the whole client: client-node makes a new one for every request (its issue 2893) and has no deadlines (2432). */
export class Transport {
  readonly #config: KubeConfig;
  #agent: HttpAgent | undefined;

  constructor(config: KubeConfig) {
    this.#config = config;
  }

  /**
   * The body of an answer with a 2xx status.
   *
   * @throws KubeApiError for any other status and for a broken connection; MESHPROOF_KUBE_TIMEOUT when the deadline
   * passes, wherever the call is stuck.
   */
  async send(call: Call): Promise<string> {
    const server = new URL(this.#config.getCurrentCluster()!.server);
    const options: RequestOptions = {};
    if (server.protocol === 'https:') await this.#config.applyToHTTPSOptions(options as never);
    this.#agent ??= agentFor(server, options);
    const attempt = (): Promise<string> => this.#attempt(server, options, call);
    try {
      return await attempt();
    } catch (error) {
      // The server may close an idle connection just as it is used again: https://nodejs.org/api/http.html#requestreusedsocket
      if (error instanceof StaleConnection && call.method !== 'POST') return await attempt();
      throw error instanceof StaleConnection ? error.error : error;
    }
  }

  close(): void {
    this.#agent?.destroy();
    this.#agent = undefined;
  }

  #attempt(server: URL, options: RequestOptions, call: Call): Promise<string> {
    const name = `${call.method} ${call.path}`;
    const base = server.pathname === '/' ? '' : server.pathname.replace(/\/$/, '');
    return new Promise((resolve, reject) => {
      const send = server.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = send({
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
      const timer = setTimeout(() => {
        reject(timeoutOf(name, call.timeoutMs));
        request.destroy();
      }, call.timeoutMs);
      const fail = (cause: NodeJS.ErrnoException): void => {
        clearTimeout(timer);
        const error = new KubeApiError({
          call: name,
          httpStatus: 0,
          reason: cause.code ?? 'ConnectionFailed',
          message: messageOf(cause) || 'connection failed',
          cause,
        });
        reject(request.reusedSocket && cause.code === 'ECONNRESET' ? new StaleConnection(error) : error);
      };
      request.once('error', fail);
      request.once('response', (response: IncomingMessage) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', fail);
        response.once('end', () => {
          clearTimeout(timer);
          const body = Buffer.concat(chunks).toString();
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(body);
          else reject(KubeApiError.fromResponse(name, status, body));
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

export function timeoutOf(what: string, timeoutMs: number): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_KUBE_TIMEOUT',
    `${what}: no answer from the API server within ${timeoutMs} ms`,
    'The API server hangs or the machine is overloaded: see the API server log of the lab.',
  );
}

function agentFor(server: URL, options: RequestOptions): HttpAgent {
  const common = { keepAlive: true, maxSockets: 32 };
  if (server.protocol !== 'https:') return new HttpAgent(common);
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options as HttpsAgent['options'];
  return new HttpsAgent({
    ...common,
    ca,
    cert,
    key,
    pfx,
    passphrase,
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  });
}
