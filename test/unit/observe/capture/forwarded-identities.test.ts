import { expect } from 'chai';
import { forwardedClientCert } from '../../../../src/meshes/envoy/forwarded-header.ts';
import { forwardedIdentities } from '../../../../src/observe/capture/forwarded-identities.ts';
import type { ForwardedHeader } from '../../../../src/meshes/adapter.ts';
import { chunksOf, conversation, pcapOf } from './support.ts';

const by = 'spiffe://cluster.local/ns/shop/sa/trips';
const viewer = 'spiffe://cluster.local/ns/shop/sa/viewer';
const element = (uri: string): string => `By=${by};Hash=${'ab'.repeat(32)};Subject="";URI=${uri}`;
const request = (value: string): Buffer =>
  Buffer.from(`GET /api/trips HTTP/1.1\r\nhost: trips\r\nX-Forwarded-Client-Cert: ${value}\r\n\r\n`);
const readWith = (header: ForwardedHeader, ...requests: Buffer[]) => {
  const frames = requests.flatMap((bytes, index) =>
    conversation(bytes, Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), { clientPort: 40_000 + index, serverPort: 8080 }),
  );
  return forwardedIdentities(chunksOf(pcapOf(frames), 500), 8080, header);
};

const read = (...requests: Buffer[]) => readWith(forwardedClientCert, ...requests);

describe('what sidecars tell their apps of callers', () => {
  it('is counted by who called whom', async () => {
    const other = element('spiffe://cluster.local/ns/shop/sa/loadgen');
    expect(await read(request(element(viewer)), request(element(viewer)), request(other))).to.deep.equal([
      { by, uri: viewer, requests: 2 },
      { by, uri: 'spiffe://cluster.local/ns/shop/sa/loadgen', requests: 1 },
    ]);
  });

  it('is the last part of a header that went through several hands', async () => {
    const forged = element('spiffe://cluster.local/ns/shop/sa/admin');
    expect(await read(request(`${forged},${element(viewer)}`))).to.deep.equal([{ by, uri: viewer, requests: 1 }]);
  });

  it('is read from the header of another mesh, which does not say as whom the server was called', async () => {
    const header: ForwardedHeader = { name: 'x-caller', read: (uri) => (uri === '-' ? undefined : { uri }) };
    const called = (caller: string): Buffer =>
      Buffer.from(`GET / HTTP/1.1\r\nhost: trips\r\nX-Caller: ${caller}\r\n\r\n`);
    expect(await readWith(header, called('viewer.shop'), called('-'), request(element(viewer)))).to.deep.equal([
      { uri: 'viewer.shop', requests: 1 },
    ]);
  });

  it('is nothing without the header, and on another port', async () => {
    expect(await read(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).to.deep.equal([]);
    const frames = conversation(request(element(viewer)), Buffer.alloc(0), { serverPort: 9090 });
    expect(await forwardedIdentities(chunksOf(pcapOf(frames), 500), 8080, forwardedClientCert)).to.deep.equal([]);
  });
});
