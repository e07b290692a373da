import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createKubeClient } from '../../../src/kube/client.ts';
import type { KubeClient } from '../../../src/kube/types.ts';

export interface Asked {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A server on loopback that answers as told, to see what the client sends and how it takes what it gets. */
export class ScriptedApi implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly client: KubeClient;
  readonly url: string;
  /** What the server says of its kinds, by group and version: it is asked this apart from `asked`. */
  readonly kinds: Record<string, [name: string, kind: string, namespaced: boolean][]> = {
    '/api/v1': [
      ['namespaces', 'Namespace', false],
      ['pods', 'Pod', true],
    ],
    '/apis/apps/v1': [['deployments', 'Deployment', true]],
    '/apis/networking.k8s.io/v1': [['networkpolicies', 'NetworkPolicy', true]],
    '/apis/apiextensions.k8s.io/v1': [['customresourcedefinitions', 'CustomResourceDefinition', false]],
  };
  connections = 0;
  /** Connections that are open now. */
  readonly sockets = new Set<Socket>();
  readonly #close: () => Promise<void>;

  private constructor(client: KubeClient, url: string, close: () => Promise<void>) {
    this.client = client;
    this.url = url;
    this.#close = close;
  }

  static async start(
    answer: (asked: Asked, response: ServerResponse, socket: Socket) => void,
    onUpgrade?: (asked: Asked, socket: Duplex) => void,
  ): Promise<ScriptedApi> {
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const asked = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
        const kinds = api.kinds[asked.path];
        if (kinds !== undefined && asked.method === 'GET') return json(response, apiResourceList(kinds));
        api.asked.push(asked);
        answer(asked, response, request.socket);
      });
    });
    // Upgraded ones are no longer the server's to close.
    server.on('connection', (socket) => {
      api.sockets.add(socket);
      socket.once('close', () => api.sockets.delete(socket));
      api.connections++;
    });
    if (onUpgrade) {
      server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
        onUpgrade({ method: 'GET', path: request.url ?? '', headers: request.headers, body: '' }, socket);
      });
    }
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const kubeconfig = kubeconfigFor(url);
    const client = createKubeClient({ kubeconfig, timeoutMs: 2000 });
    const api = new ScriptedApi(client, url, async () => {
      client.close();
      server.close();
      for (const socket of api.sockets) socket.destroy();
      await once(server, 'close');
    });
    return api;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

export function kubeconfigFor(server: string): string {
  return JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      // client-node refuses http:// otherwise.
      clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    },
    null,
    2,
  );
}

function apiResourceList(kinds: [name: string, kind: string, namespaced: boolean][]): object {
  return { kind: 'APIResourceList', resources: kinds.map(([name, kind, namespaced]) => ({ name, kind, namespaced })) };
}

/** A websocket that opens and then does what `then` does to it. */
export function acceptWebsocket(asked: Asked, socket: Duplex, protocol: string, then: () => void): void {
  const accept = createHash('sha1')
    .update(`${asked.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
    `Sec-WebSocket-Protocol: ${protocol}`,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`, then);
}

/** A binary frame, as servers send them: unmasked, at most 125 bytes. */
export function frame(channel: number, data: string): Buffer {
  return Buffer.concat([Buffer.from([0x82, data.length + 1, channel]), Buffer.from(data)]);
}

export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
