import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';

export interface ConsulServer extends Disposable {
  /** @throws Error with Consul's words for any status but 2xx, and when the server is not the one that the CA knows. */
  send(method: 'GET' | 'PUT' | 'POST', path: string, options?: { body?: unknown; token?: string }): Promise<string>;
}

const timeoutMs = 5000;

/** The API over TLS by its name in the cluster; one connection for all calls. */
export function consulServer({ url, caFile }: { url: string; caFile: string }): ConsulServer {
  const agent = new Agent({ keepAlive: true, ca: readFileSync(caFile) });
  return {
    send: (method, path, { body, token } = {}) =>
      new Promise((resolve, reject) => {
        const headers = token === undefined ? {} : { 'x-consul-token': token };
        const sent = request(new URL(path, url), { method, agent, headers, timeout: timeoutMs }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.once('error', reject);
          response.once('end', () => {
            const { statusCode = 0 } = response;
            if (statusCode >= 200 && statusCode < 300) resolve(text);
            else reject(new Error(`${method} ${path} answered ${statusCode}: ${text.trim()}`));
          });
        });
        sent.once('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer within ${timeoutMs} ms`)));
        sent.once('error', reject);
        sent.end(body === undefined ? undefined : JSON.stringify(body));
      }),
    [Symbol.dispose]: () => agent.destroy(),
  };
}
