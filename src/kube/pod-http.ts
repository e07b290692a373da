import { request as httpRequest } from 'node:http';
import type { KubeConfig } from '@kubernetes/client-node';
import { startTimer, type Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { KubeApiError } from './kube-api-error.ts';
import { PodConnection } from './pod-connection.ts';
import { timeoutOf } from './transport.ts';

const defaultTimeoutMs = 10_000;

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
  const startedAt = performance.now();
  const connection = await PodConnection.open(config, pod, port, { what, timeoutMs });
  let timer: Timer | undefined;
  try {
    // node:http never hears of an error from before it had the connection.
    if (connection.errored) throw portForwardError(what, connection.errored);
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
      request.once('error', (error) => reject(portForwardError(what, connection.broken ?? error)));
      request.once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', (error) => reject(portForwardError(what, error)));
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
        );
      });
      request.end(options.body);
    });
  } finally {
    timer?.[Symbol.dispose]();
    connection.destroy();
  }
}

export function portForwardError(what: string, cause: Error): KubeApiError {
  return new KubeApiError({ call: what, httpStatus: 0, reason: 'PortForwardFailed', message: messageOf(cause), cause });
}
