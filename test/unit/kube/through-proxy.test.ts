import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { CertificateAuthority } from '../../../src/base/pki.ts';
import { createKubeClient, type KubeClientOptions } from '../../../src/kube/client.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { acceptWebsocket, frame, json } from './api-server.ts';

const pod = { namespace: 'a', name: 'p' };
const success = JSON.stringify({ status: 'Success' });

/** An API server with TLS at an address that is not loopback by name, and a proxy that knows CONNECT; both on loopback. */
class World implements AsyncDisposable {
  readonly connects: { target: string; authorization: string | undefined }[] = [];
  refuseWith: number | undefined;
  proxy = '';
  server = '';
  readonly #close: (() => Promise<void>)[] = [];
  #ca = '';

  async start(): Promise<this> {
    const authority = await CertificateAuthority.create('test');
    const { certificate, key } = await authority.issue({ commonName: 'api', usage: 'server', ips: ['0.0.0.0'] });
    this.#ca = authority.pair.certificate;
    const api = createTlsServer({ cert: certificate, key }, (_, response) => json(response, { from: 'api' }));
    api.on('upgrade', (request, socket) => {
      const asked = { method: 'GET', path: request.url ?? '', headers: request.headers, body: '' };
      socket.on('error', () => {});
      acceptWebsocket(asked, socket, 'v5.channel.k8s.io', () => {
        socket.write(Buffer.concat([frame(1, 'out'), frame(3, success)]));
      });
    });
    const proxy = createHttpServer((_, response) => response.writeHead(501).end());
    proxy.on('connect', (request, client) => {
      const target = request.url ?? '';
      this.connects.push({ target, authorization: request.headers['proxy-authorization'] });
      if (this.refuseWith !== undefined) return client.end(`HTTP/1.1 ${this.refuseWith} No\r\n\r\n`);
      const upstream = connect(Number(target.split(':')[1]), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(upstream).pipe(client);
      });
      client.on('error', () => upstream.destroy());
      upstream.on('error', () => client.destroy());
    });
    const [apiPort, proxyPort] = await Promise.all(
      [api, proxy].map(async (server) => {
        const sockets = new Set<{ destroy(): void }>();
        server.on('connection', (socket) => sockets.add(socket));
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        this.#close.push(async () => {
          server.close();
          for (const socket of sockets) socket.destroy();
          await once(server, 'close');
        });
        return (server.address() as AddressInfo).port;
      }),
    );
    this.server = `https://0.0.0.0:${apiPort}`;
    this.proxy = `http://127.0.0.1:${proxyPort}`;
    return this;
  }

  client(options: { proxyUrl?: string; env?: KubeClientOptions['env'] }): KubeClient {
    const cluster = {
      server: this.server,
      'certificate-authority-data': Buffer.from(this.#ca).toString('base64'),
      ...(options.proxyUrl === undefined ? {} : { 'proxy-url': options.proxyUrl }),
    };
    const kubeconfig = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    const client = createKubeClient({
      kubeconfig: JSON.stringify(kubeconfig, null, 2),
      env: options.env ?? {},
      timeoutMs: 5000,
    });
    this.#close.push(async () => client.close());
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#close.reverse()) await close();
  }
}

describe('an API server behind a proxy', () => {
  const ways: [string, (world: World) => Parameters<World['client']>[0], boolean][] = [
    ['the proxy-url of the cluster', ({ proxy }) => ({ proxyUrl: proxy }), true],
    ['HTTPS_PROXY', ({ proxy }) => ({ env: { HTTPS_PROXY: proxy } }), true],
    ['NO_PROXY over HTTPS_PROXY', ({ proxy }) => ({ env: { HTTPS_PROXY: proxy, NO_PROXY: '0.0.0.0/8' } }), false],
    [
      'the proxy-url over NO_PROXY and HTTPS_PROXY',
      ({ proxy }) => ({ proxyUrl: proxy, env: { HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '*' } }),
      true,
    ],
    ['no proxy', () => ({}), false],
  ];
  for (const [what, options, used] of ways) {
    it(`is reached by calls and by streams: ${what}`, async () => {
      await using world = await new World().start();
      const client = world.client(options(world));
      const target = world.server.replace('https://', '');
      for (let i = 0; i < 3; i++) expect(await client.get<unknown>('/api')).to.deep.equal({ from: 'api' });
      // One connection for all three: it is kept.
      expect(world.connects.map((one) => one.target)).to.deep.equal(used ? [target] : []);
      expect((await client.exec(pod, ['ls'])).stdout).to.equal('out');
      await client.podHttp(pod, 80, '/').catch(() => 'the stream is no port-forward');
      expect(world.connects).to.have.length(used ? 3 : 0);
    });
  }

  it('is given the name and password of the proxy', async () => {
    await using world = await new World().start();
    const proxyUrl = world.proxy.replace('://', '://user:p%40ss@');
    await world.client({ proxyUrl }).get('/api');
    const [scheme, credentials = ''] = world.connects[0]?.authorization?.split(' ') ?? [];
    expect([scheme, Buffer.from(credentials, 'base64').toString()]).to.deep.equal(['Basic', 'user:p@ss']);
  });

  for (const [status, reason, retryable] of [
    [407, 'ProxyRefused', false],
    [503, 'ProxyUnavailable', true],
  ] as const) {
    it(`says so when the proxy answers ${status}`, async () => {
      await using world = await new World().start();
      world.refuseWith = status;
      const client = world.client({ proxyUrl: world.proxy });
      for (const call of [client.get('/api'), client.exec(pod, ['ls'])]) {
        const error = await call.then(
          () => expect.fail('it did not throw'),
          (thrown: unknown) => thrown,
        );
        expect(error).to.include({ code: 'MESHPROOF_KUBE_API', reason, retryable });
        expect(String(error)).to.contain(`the proxy answered with ${status}`);
      }
    });
  }

  it('is a usage error with a proxy that is none, and its password is not told', async () => {
    await using world = await new World().start();
    for (const proxyUrl of ['ftp://user:secret@proxy', 'user:secret']) {
      expect(() => world.client({ proxyUrl }))
        .to.throw('is no http, https or socks URL')
        .with.property('message')
        .not.contain('secret');
    }
  });
});
