import { expect } from 'chai';
import {
  compareIdentities,
  withHeldIdentities,
  type IdentityWitnesses,
} from '../../../../src/observe/capture/identity-witnesses.ts';
import type { WireProof } from '../../../../src/observe/capture/wire.ts';

const [client, server] = ['viewer.shop', 'trips.shop'];
const hidden = { handshakeSeen: true, tlsVersion: '1.3' } as WireProof;
const witnesses: IdentityWitnesses = {
  proxies: { client: [client], server: [server] },
  peers: { [client]: 3, '': 1 },
  app: [{ uri: client, requests: 2 }],
  header: 'x-caller',
};
const compare = (change: Partial<IdentityWitnesses> = {}) => {
  const told = { ...witnesses, ...change };
  return compareIdentities(withHeldIdentities(hidden, told), told);
};

describe('who is at the ends of an edge whose TLS hides it', () => {
  it('is told by the proxies’ certificates, by whom the server let in, and by the app', () => {
    expect(compare()).to.deep.equal({
      sources: ['the proxies’ certificates', 'who the server’s proxies let in', 'x-caller at the app'],
      contradictions: [],
    });
  });

  it('rests on fewer sources where there are no more, and says which', () => {
    expect(compare({ app: undefined, peers: undefined }).sources).to.deep.equal(['the proxies’ certificates']);
  });

  it('is in doubt where the server let in nobody who proved it, however many came', () => {
    for (const peers of [{}, { '': 5 }, { 'poi.shop': 5 }, { [client]: 0 }])
      expect(compare({ peers }).contradictions.join()).to.match(/no proxy of the server took a connection/);
  });

  it('is in doubt where the app was told of another, or that another was called', () => {
    for (const app of [[], [{ uri: 'poi.shop', requests: 1 }], [{ by: 'poi.shop', uri: client, requests: 1 }]])
      expect(compare({ app }).contradictions.join()).to.match(/no sidecar told the app of a request from viewer\.shop/);
  });

  it('is in doubt where a replica holds another certificate', () => {
    const { contradictions } = compare({ proxies: { client: [client, 'poi.shop'], server: [server] } });
    expect(contradictions.join()).to.match(/the client is viewer\.shop, its proxy holds poi\.shop/);
  });
});
