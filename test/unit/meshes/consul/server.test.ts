import { createPrivateKey, X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { KubeApiError } from '../../../../src/kube/kube-api-error.ts';
import { findServer } from '../../../../src/meshes/consul/install.ts';
import { createServerTls } from '../../../../src/meshes/consul/server-tls.ts';
import { secretsOf, serverObjects } from '../../../../src/meshes/consul/server.ts';
import { createMeshAuthority } from '../../../../src/meshes/consul/mesh-authority.ts';

const tls = { caPem: 'CA', certificatePem: 'CERT', keyPem: 'KEY' };
const authority = { clusterId: 'id', certificatePem: 'ROOT', keyPem: 'ROOT KEY' };
const token = '5d3c6f0e-token';
const options = { image: 'consul:1', managementToken: token, tls, authority };

describe('the control plane', () => {
  it('has the management token in a Secret and nowhere else', () => {
    const objects = serverObjects(options);
    const secrets = objects.filter((object) => JSON.stringify(object).includes(token));
    expect(secrets.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).to.deep.equal(['Secret/consul-server']);
  });

  it('denies by default, and serves API and xDS to pods with TLS only', () => {
    const objects = serverObjects(options);
    const secret = objects.find(({ kind, stringData }) => kind === 'Secret' && stringData)!;
    const config = JSON.parse(secret.stringData['server.json']);
    expect(config.acl).to.include({ enabled: true, default_policy: 'deny' });
    expect(config.acl.tokens, 'a default token would be everybody’s').to.not.have.property('default');
    expect(config.addresses.http).to.equal('127.0.0.1');
    expect(config.ports.grpc).to.equal(-1);
    const service = objects.find(({ kind }) => kind === 'Service')!;
    expect(service.spec.ports.map(({ port }: { port: number }) => port)).to.deep.equal([8501, 8503]);
  });

  it('has the same tokens and the same authority when it is applied again', () => {
    const secret = serverObjects(options).find(({ kind, stringData }) => kind === 'Secret' && stringData)!;
    const data = Object.fromEntries(
      Object.entries(secret.stringData as Record<string, string>).map(([key, value]) => [
        key,
        Buffer.from(value).toString('base64'),
      ]),
    );
    expect(secretsOf(data)).to.deep.equal({ managementToken: token, tls, authority });
    const { ca_config: config } = JSON.parse(secret.stringData['server.json']).connect;
    expect(config).to.deep.equal({ cluster_id: 'id', root_cert: 'ROOT', private_key: 'ROOT KEY' });
    delete data['mesh-ca-key.pem'];
    expect(secretsOf(data), 'of another version').to.equal(undefined);
  });

  it('is found in a lab that another process made, and nothing is written', async () => {
    const secret = serverObjects(options).find(({ kind, stringData }) => kind === 'Secret' && stringData)!;
    const data = Object.fromEntries(
      Object.entries(secret.stringData as Record<string, string>).map(([key, value]) => [key, btoa(value)]),
    );
    const asked: string[] = [];
    const replies: Record<string, object> = {
      '/v1/connect/ca/roots': { TrustDomain: 'id.consul' },
      '/v1/agent/self': { Config: { Version: '1.22.7' } },
    };
    const kube = {
      get: async () => ({ data }),
      list: async () => [{ metadata: { name: 'consul-server-1' }, status: { phase: 'Running' } }],
      podHttp: async (
        _pod: object,
        _port: number,
        path: string,
        { method, headers }: { method: string; headers: Record<string, string> },
      ) => {
        asked.push(`${method} ${path} ${headers['x-consul-token']}`);
        return { status: 200, body: JSON.stringify(replies[path]) };
      },
    };
    const found = await findServer(kube as never);
    expect(found).to.include({ trustDomain: 'id.consul', version: '1.22.7', caPem: 'CA' });
    expect(asked).to.deep.equal(Object.keys(replies).map((path) => `GET ${path} ${token}`));
    const get = async (): Promise<never> => {
      throw new KubeApiError({ call: 'GET', httpStatus: 404, reason: 'NotFound', message: 'no secret' });
    };
    const error = await findServer({ ...kube, get } as never).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'MESHPROOF_MESH_NOT_READY' });
  });

  it('has an authority of its own, named by the trust domain', async () => {
    const made = await createMeshAuthority(Date.now());
    const root = new X509Certificate(made.certificatePem);
    expect(root.ca).to.equal(true);
    expect(root.subjectAltName).to.equal(`URI:spiffe://${made.clusterId}.consul`);
    expect(root.checkPrivateKey(createPrivateKey(made.keyPem))).to.equal(true);
    expect((await createMeshAuthority(Date.now())).clusterId).not.to.equal(made.clusterId);
  });

  it('makes a certificate that its CA signed, for the name sidecars use', async () => {
    const made = await createServerTls(Date.now());
    const ca = new X509Certificate(made.caPem);
    const server = new X509Certificate(made.certificatePem);
    expect(server.verify(ca.publicKey)).to.equal(true);
    expect(server.checkIssued(ca)).to.equal(true);
    expect(server.checkHost('consul-server.consul.svc')).to.equal('consul-server.consul.svc');
    expect(server.checkHost('elsewhere')).to.equal(undefined);
    expect(ca.ca).to.equal(true);
    expect(server.ca).to.equal(false);
    const other = await createServerTls(Date.now());
    expect(server.verify(new X509Certificate(other.caPem).publicKey)).to.equal(false);
  });
});
