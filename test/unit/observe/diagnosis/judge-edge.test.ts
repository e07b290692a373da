import { expect } from 'chai';
import type { ProxyView } from '../../../../src/meshes/proxy-view.ts';
import { brokenConnections } from '../../../../src/observe/diagnosis/app-log.ts';
import { judgeEdge, type EdgeFacts } from '../../../../src/observe/diagnosis/judge-edge.ts';

const way = {
  addresses: ['10.96.0.9', '240.0.0.1'],
  connections: 4,
  connectFailures: 0,
  handshakes: 4,
  badCertificates: 0,
};
const refused = { notTls: 0, noCertificate: 0, badCertificate: 0, denied: 0 };
const view = (over: Partial<ProxyView> = {}): ProxyView => ({
  uptimeMs: 60_000,
  connected: true,
  identity: 'spiffe://x/viewer',
  ways: new Map([['trips', way]]),
  permissive: false,
  refused,
  ...over,
});
const judge = (over: Partial<EdgeFacts> = {}) =>
  judgeEdge({
    source: 'viewer',
    destination: 'trips',
    target: { address: '10.96.0.9', port: 80 },
    fate: { redirectedTo: 15001, by: '-A X -j REDIRECT' },
    proxyPort: 15001,
    caller: view(),
    callees: [view({ lets: new Set(['viewer']) })],
    logLines: [],
    ...over,
  });

describe('why a call does not get through', () => {
  it('is nothing of the mesh when all is as it should be, or nothing is known of the rules', () => {
    expect(judge()).to.equal(undefined);
    expect(judge({ fate: undefined })).to.equal(undefined);
  });

  it('is that it leaves past the proxy: by a rule, by none, or to another port', () => {
    const past = { redirectedTo: undefined, by: '-A OUT -p tcp --dport 80 -j RETURN' };
    expect(judge({ fate: past })).to.include({ cause: 'past the proxy (plaintext)' });
    expect(judge({ fate: past })!.observed).to.contain('--dport 80 -j RETURN');
    expect(judge({ fate: { redirectedTo: undefined, by: undefined } })!.observed).to.match(/no rule in the pod/);
    expect(judge({ fate: { redirectedTo: 9, by: '-A X' } })!.observed).to.match(/port 9, which is not the proxy's/);
    expect(judge({ fate: past, proxyPort: undefined }), 'a mesh without rules in the pod').to.equal(undefined);
  });

  it('is seen by its effects where the rules cannot be read, and only if all three are there', () => {
    const unused = view({ ways: new Map([['trips', { ...way, connections: 0, handshakes: 0 }]]) });
    const callees = [view({ lets: new Set(['viewer']), refused: { ...refused, notTls: 2 } })];
    const seen = { fate: undefined, caller: unused, callees, logLines: ['Error: read ECONNRESET'] };
    expect(judge(seen)).to.include({ cause: 'past the proxy (plaintext)' });
    expect(judge(seen)!.evidence).to.include('the nat rules of the pod could not be read');
    expect(judge({ ...seen, logLines: [] })).to.equal(undefined);
    expect(judge({ ...seen, callees: [view({ lets: new Set(['viewer']) })] })).to.equal(undefined);
    expect(judge({ ...seen, caller: view() })).to.equal(undefined);
  });

  it('is a policy when the callee does not name the caller', () => {
    const found = judge({ callees: [view({ lets: new Set(['poi']) })], caller: view({ ways: new Map() }) });
    expect(found).to.include({ cause: 'policy', observed: 'trips does not let viewer in, only poi' });
    expect(judge({ callees: [view({ lets: new Set() })] })!.observed).to.match(/only nobody/);
    expect(judge({ callees: [view({ lets: new Set(['*']) })] })).to.equal(undefined);
  });

  it('is a way the proxy does not know when the callee would let it in', () => {
    const lost = view({ ways: new Map() });
    expect(judge({ caller: lost })).to.include({ cause: 'past the proxy (plaintext)' });
    const elsewhere = view({ ways: new Map([['trips', { ...way, addresses: ['240.0.0.1'] }]]) });
    expect(judge({ caller: elsewhere })!.observed).to.match(/knows no way to trips \(10.96.0.9:80\)/);
    expect(judge({ caller: lost, callees: [] }), 'nothing is known of the callee').to.equal(undefined);
  });

  it('is an identity when the two proxies do not take each other for what they are', () => {
    const withWay = (over: Partial<typeof way>) =>
      judge({ caller: view({ ways: new Map([['trips', { ...way, ...over }]]) }) });
    expect(withWay({ badCertificates: 1 })).to.include({ cause: 'identity' });
    expect(withWay({ handshakes: 0 })).to.include({ cause: 'identity' });
    expect(withWay({ handshakes: 0, connectFailures: 3 }), 'it only met nobody').to.equal(undefined);
    expect(withWay({ handshakes: 2 }), 'one that was cut').to.equal(undefined);
  });

  it('is plaintext of the proxy itself when the callee refuses what is no TLS, and no certificate was wrong', () => {
    const callees = [view({ lets: new Set(['viewer']), refused: { ...refused, notTls: 4 } })];
    const without = (over: Partial<typeof way>) =>
      judge({ callees, caller: view({ ways: new Map([['trips', { ...way, handshakes: 0, ...over }]]) }) });
    expect(without({})).to.include({ cause: 'plaintext by the proxy' });
    expect(without({})!.observed).to.match(/^the proxy of viewer speaks plaintext to trips/);
    expect(without({ badCertificates: 1 })).to.include({ cause: 'identity' });
    expect(without({ handshakes: 4 })).to.equal(undefined);
  });

  it('says what it rests on', () => {
    const { evidence } = judge({
      fate: { redirectedTo: undefined, by: '-A OUT -j RETURN' },
      callees: [view({ refused: { ...refused, notTls: 2 } }), view({ refused: { ...refused, notTls: 3 } })],
      logLines: ['Error: read ECONNRESET'],
    })!;
    expect(evidence[0]).to.equal('nat rule: -A OUT -j RETURN');
    expect(evidence.join('\n')).to.contain('5 connections refused that were no proper TLS');
    expect(evidence.at(-1)).to.equal('log of viewer: Error: read ECONNRESET');
  });
});

describe('what a log says of broken connections', () => {
  it('is its last such lines, not the others', () => {
    const log = [
      'listening',
      'Error: connect ECONNREFUSED 10.96.0.3:5432',
      'GET / 200',
      'TypeError: fetch failed',
      'socket hang up',
      'Connection terminated unexpectedly',
    ].join('\n');
    expect(brokenConnections(log)).to.deep.equal([
      'TypeError: fetch failed',
      'socket hang up',
      'Connection terminated unexpectedly',
    ]);
    expect(brokenConnections('listening\nGET / 500')).to.deep.equal([]);
  });
});
