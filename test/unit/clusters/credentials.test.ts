import { expect } from 'chai';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, connect, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { writeCredentials } from '../../../src/clusters/embedded/credentials.ts';
import { loadKubeConfig } from '../../../src/kube/kube-config.ts';

const clientAuth = '1.3.6.1.5.5.7.3.2';
const serverAuth = '1.3.6.1.5.5.7.3.1';

describe('credentials of a lab', () => {
  let dir = '';
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'meshproof-pki-'));
    const nodes = [
      { name: 'a-node-1', ip: '10.245.0.1', dir },
      { name: 'a-node-2', ip: '10.245.0.2', dir: join(dir, 'nodes/2') },
    ];
    await writeCredentials({ dir, labId: 'a-12345678', hostSideIp: '10.231.0.2', nodes });
  });
  after(() => rm(dir, { recursive: true, force: true }));

  const certificate = async (file: string): Promise<X509Certificate> =>
    new X509Certificate(await readFile(join(dir, file)));
  const clientOf = (path: string): X509Certificate =>
    new X509Certificate(Buffer.from(loadKubeConfig(join(dir, path)).getCurrentUser()?.certData ?? '', 'base64'));

  const serving: [string, string, string][] = [
    ['pki/apiserver.crt', 'CN=kube-apiserver', 'IP Address:10.231.0.2'],
    ['pki/apiserver.crt', 'CN=kube-apiserver', 'IP Address:10.245.0.1'],
    ['pki/apiserver.crt', 'CN=kube-apiserver', 'IP Address:10.96.0.1'],
    ['pki/apiserver.crt', 'CN=kube-apiserver', 'DNS:kubernetes.default.svc'],
    ['pki/kubelet-server.crt', 'CN=system:node:a-node-1\nO=system:nodes', 'IP Address:10.245.0.1'],
    ['nodes/2/pki/kubelet-server.crt', 'CN=system:node:a-node-2\nO=system:nodes', 'IP Address:10.245.0.2'],
  ];
  for (const [file, subject, name] of serving) {
    it(`${file} is signed by the lab's CA, for servers, with ${name}`, async () => {
      const ca = await certificate('pki/ca.crt');
      const leaf = await certificate(file);
      expect(ca.ca).to.equal(true);
      expect(leaf.verify(ca.publicKey) && leaf.checkIssued(ca)).to.equal(true);
      expect(leaf.ca).to.equal(false);
      expect(leaf.subject).to.equal(subject);
      expect(leaf.keyUsage).to.deep.equal([serverAuth]);
      expect(leaf.subjectAltName?.split(', ')).to.include(name);
    });
  }

  const people: [string, string][] = [
    ['kubeconfig', 'CN=meshproof-admin\nO=system:masters'],
    ['kubeconfigs/controller-manager', 'CN=system:kube-controller-manager\nO=system:masters'],
    ['kubeconfigs/scheduler', 'CN=system:kube-scheduler'],
    ['kubeconfigs/proxy', 'CN=system:kube-proxy'],
    ['kubeconfigs/kubelet', 'CN=system:node:a-node-1\nO=system:nodes'],
    ['nodes/2/kubeconfigs/proxy', 'CN=system:kube-proxy'],
    ['nodes/2/kubeconfigs/kubelet', 'CN=system:node:a-node-2\nO=system:nodes'],
  ];
  for (const [path, subject] of people) {
    it(`${path} holds a client certificate of ${subject.replace('\n', ', ')}, and no token`, async () => {
      const ca = await certificate('pki/ca.crt');
      const client = clientOf(path);
      expect(client.subject).to.equal(subject);
      expect(client.verify(ca.publicKey)).to.equal(true);
      expect(client.keyUsage).to.deep.equal([clientAuth]);
      expect(await readFile(join(dir, path), 'utf8')).to.not.match(/token|insecure-skip/);
    });
  }

  it('leads each to the API server by the address that he has of it', () => {
    const serverOf = (path: string) => loadKubeConfig(join(dir, path)).getCurrentCluster()?.server;
    expect(serverOf('kubeconfig')).to.equal('https://10.231.0.2:6443');
    expect(serverOf('kubeconfigs/kubelet')).to.equal('https://127.0.0.1:6443');
    expect(serverOf('nodes/2/kubeconfigs/kubelet')).to.equal('https://10.245.0.1:6443');
    expect(serverOf('nodes/2/kubeconfigs/proxy')).to.equal('https://10.245.0.1:6443');
  });

  it('gives another node nothing but what is its own', async () => {
    expect((await readdir(join(dir, 'nodes/2/pki'))).sort()).to.deep.equal([
      'ca.crt',
      'kubelet-server.crt',
      'kubelet-server.key',
    ]);
    expect(await readFile(join(dir, 'nodes/2/pki/ca.crt'))).to.deep.equal(await readFile(join(dir, 'pki/ca.crt')));
  });

  it('names users by the lab, for client-node caches credentials by user name', () => {
    expect(loadKubeConfig(join(dir, 'kubeconfig')).getCurrentUser()?.name).to.contain('a-12345678');
  });

  it('keeps every file from other users', async () => {
    for (const folder of ['pki', 'kubeconfigs', 'nodes/2/pki', 'nodes/2/kubeconfigs']) {
      for (const file of await readdir(join(dir, folder))) {
        expect((await stat(join(dir, folder, file))).mode & 0o077, file).to.equal(0);
      }
    }
  });

  it('works in a handshake, and another lab’s CA does not', async () => {
    const other = await mkdtemp(join(tmpdir(), 'meshproof-pki-'));
    const server = createServer({
      cert: await readFile(join(dir, 'pki', 'apiserver.crt')),
      key: await readFile(join(dir, 'pki', 'apiserver.key')),
    });
    server.on('tlsClientError', () => {});
    try {
      const nodes = [{ name: 'b', ip: '10.231.0.6', dir: other }];
      await writeCredentials({ dir: other, labId: 'b-12345678', hostSideIp: '10.231.0.6', nodes });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const handshake = async (caDir: string): Promise<string> => {
        const ca = await readFile(join(caDir, 'pki', 'ca.crt'));
        const socket: TLSSocket = connect({ port, host: '127.0.0.1', ca, servername: 'kubernetes' });
        return new Promise((resolve) => {
          socket.once('secureConnect', () => resolve('trusted'));
          socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        }).finally(() => socket.destroy()) as Promise<string>;
      };
      expect(await handshake(dir)).to.equal('trusted');
      expect(await handshake(other)).to.not.equal('trusted');
    } finally {
      server.close();
      await rm(other, { recursive: true, force: true });
    }
  });
});
