import { X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { createServerTls } from '../../../../src/meshes/consul/server-tls.ts';
import { serverObjects } from '../../../../src/meshes/consul/server.ts';

const tls = { caPem: 'CA', certificatePem: 'CERT', keyPem: 'KEY' };
const token = '5d3c6f0e-token';

describe('the control plane', () => {
  it('has the management token in a Secret and nowhere else', () => {
    const objects = serverObjects({ image: 'consul:1', managementToken: token, tls });
    const secrets = objects.filter((object) => JSON.stringify(object).includes(token));
    expect(secrets.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).to.deep.equal(['Secret/consul-server']);
  });

  it('denies by default, and serves API and xDS to pods with TLS only', () => {
    const objects = serverObjects({ image: 'consul:1', managementToken: token, tls });
    const secret = objects.find(({ kind, stringData }) => kind === 'Secret' && stringData)!;
    const config = JSON.parse(secret.stringData['server.json']);
    expect(config.acl).to.include({ enabled: true, default_policy: 'deny' });
    expect(config.acl.tokens, 'a default token would be everybody’s').to.not.have.property('default');
    expect(config.addresses.http).to.equal('127.0.0.1');
    expect(config.ports.grpc).to.equal(-1);
    const service = objects.find(({ kind }) => kind === 'Service')!;
    expect(service.spec.ports.map(({ port }: { port: number }) => port)).to.deep.equal([8501, 8503]);
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
