import { expect } from 'chai';
import { judgeWire, wireProblems, type WireJudgeExpectation } from '../../../../src/observe/capture/judge-wire.ts';
import type { WireProof } from '../../../../src/observe/capture/wire.ts';
import { edgeOf, fixturePath, prove } from './support.ts';

const trust = 'spiffe://11111111-2222-3333-4444-555555555555.consul/ns/default/dc/dc1/svc';
const expected = {
  expectTls: true,
  port: 20000,
  minTlsVersion: '1.2',
  identitiesOnWire: true,
  sni: 'trips.example',
  clientIdentity: `${trust}/tripviewer`,
  serverIdentity: `${trust}/trips`,
} as const satisfies WireJudgeExpectation;

const fixture = (name: string): Promise<WireProof> => prove(fixturePath(`${name}.pcap`), edgeOf(name));

describe('judgement of a wire proof', () => {
  let good: WireProof;
  before(async () => {
    good = await fixture('tls12-mutual');
  });

  it('passes mutual TLS as expected', () => {
    expect(judgeWire(good, expected)).to.deep.equal({ status: 'pass', problems: [] });
    expect(wireProblems(good, expected)).to.deep.equal([]);
  });

  const broken: [what: string, change: Partial<WireProof>, status: 'fail' | 'invalid', problem: RegExp][] = [
    [
      'plaintext',
      { plaintextBytes: 7, plaintextProtocols: ['http/1'] },
      'fail',
      /^plaintext seen: 7 of \d+ bytes \(http\/1\)$/,
    ],
    ['planted token', { canarySeen: true }, 'fail', /^planted token seen/],
    ['an old version', { tlsVersion: '1.1' }, 'fail', /^TLS version too low: 1.1, expected at least 1.2$/],
    ['SSL 3.0', { tlsVersion: 'SSL 3.0' }, 'fail', /too low: SSL 3.0/],
    ['another port', { ports: { '20000': 5, '5432': 1 } }, 'fail', /^unexpected port: 5432, expected 20000$/],
    ['another SNI', { sni: 'poi.example' }, 'fail', /^SNI mismatch: poi.example/],
    [
      'another client',
      { clientIdentity: 'spiffe://x/evil', clientIdentities: undefined },
      'fail',
      /^identity mismatch: client is spiffe:\/\/x\/evil/,
    ],
    [
      'one client among several',
      { clientIdentities: [`${trust}/tripviewer`, `${trust}/zzz`] },
      'fail',
      /client is .*zzz/,
    ],
    ['another server', { serverIdentities: [`${trust}/poi`] }, 'fail', /^identity mismatch: server is .*poi/],
    ['a nameless certificate', { serverIdentities: [''] }, 'fail', /a certificate without a name/],
    ['no request', { clientCertificateRequested: false }, 'fail', /^server did not ask for a client certificate$/],
    [
      'no certificate',
      { connectionsWithoutClientCertificate: 1 },
      'fail',
      /^client showed no certificate in 1 of 2 connections$/,
    ],
    [
      'no packets',
      { packets: 0, payloadBytes: 0, tlsBytes: 0, handshakeSeen: false },
      'invalid',
      /^nothing captured: no packets/,
    ],
    [
      'no data',
      { payloadBytes: 0, tlsBytes: 0, handshakeSeen: false },
      'invalid',
      /^nothing captured: 30 packets without data$/,
    ],
    ['drops', { kernelDrops: 3 }, 'invalid', /^kernel dropped 3 packets$/],
    ['unknown drops', { kernelDrops: Number.NaN }, 'invalid', /^kernel dropped NaN/],
    ['gaps', { unclassifiedBytes: 9 }, 'invalid', /^unclassified: 9 of/],
    ['a cut file', { fileTruncated: true }, 'invalid', /^capture file is cut/],
    ['cut packets', { truncatedPackets: 2 }, 'invalid', /^2 packets were cut/],
    [
      'resumption',
      { resumedConnections: 1, resumedFromUnseen: 1, handshakeSeen: false },
      'invalid',
      /^resumed: 1 of 2/,
    ],
    [
      'no handshake',
      { connectionsWithoutHandshake: 1, handshakeSeen: false },
      'invalid',
      /^handshake not seen in 1 of 2/,
    ],
    ['no handshake at all', { handshakeSeen: false }, 'invalid', /^handshake not seen$/],
    [
      'no identity',
      { clientIdentity: undefined, clientIdentities: [] },
      'invalid',
      /^client identity not seen: no certificate/,
    ],
  ];
  for (const [what, change, status, problem] of broken) {
    it(`${status}: ${what}`, () => {
      const verdict = judgeWire({ ...good, ...change }, expected);
      expect(verdict.status).to.equal(status);
      expect(verdict.problems).to.have.length(1);
      expect(verdict.problems[0]).to.match(problem);
    });
  }

  it('a proven failure beats a doubt, and both are told', () => {
    const verdict = judgeWire({ ...good, kernelDrops: 1, plaintextBytes: 1 }, expected);
    expect(verdict.status).to.equal('fail');
    expect(verdict.problems.map((text) => text.split(' ')[0])).to.deep.equal(['plaintext', 'kernel']);
  });

  const real: [name: string, status: 'fail' | 'invalid', problem: RegExp][] = [
    ['http-plaintext', 'fail', /plaintext seen: 221 of 221/],
    ['http-planted-token', 'fail', /planted token seen/],
    ['postgres-ssl', 'fail', /plaintext seen: 9 of 2601 bytes \(postgresql-ssl-request\)/],
    ['tls12-one-way', 'fail', /server did not ask/],
    ['tls12-no-client-certificate', 'fail', /client showed no certificate in 1 of 1/],
    ['tls12-then-plaintext', 'fail', /plaintext seen: 132/],
    ['tls12-resumed', 'invalid', /resumed: 1 of 1/],
    ['tls13-resumed', 'invalid', /resumed: 1 of 1/],
    ['tls12-mid-stream', 'invalid', /handshake not seen in 1 of 1/],
    ['tls12-refused', 'invalid', /handshake not seen/],
    ['tls13-mutual', 'invalid', /client identity not seen: TLS 1.3 hides certificates/],
  ];
  for (const [name, status, problem] of real) {
    it(`${status}: the capture ${name}`, async () => {
      const verdict = judgeWire(await fixture(name), { ...expected, sni: undefined });
      expect(verdict.problems.join('\n')).to.match(problem);
      expect(verdict.status).to.equal(status);
    });
  }

  it('takes identities of TLS 1.3 from the proxy, and compares them just the same', async () => {
    const proof = await fixture('tls13-mutual');
    const hidden = { ...expected, identitiesOnWire: false };
    expect(judgeWire(proof, hidden).problems).to.deep.equal([
      'client identity not seen: TLS 1.3 hides certificates, and neither a key log nor the proxy tells it',
      'server identity not seen: TLS 1.3 hides certificates, and neither a key log nor the proxy tells it',
    ]);
    const told = {
      ...proof,
      clientIdentity: `${trust}/tripviewer`,
      serverIdentity: `${trust}/trips`,
      identityFrom: 'proxy' as const,
    };
    expect(judgeWire(told, hidden).status).to.equal('pass');
    expect(judgeWire({ ...told, serverIdentity: `${trust}/poi` }, hidden).status).to.equal('fail');
  });

  it('fails where the client offers another protocol than the mesh speaks', async () => {
    const proof = { ...(await fixture('tls12-mutual')), sni: undefined };
    const open = { ...expected, sni: undefined };
    expect(judgeWire({ ...proof, alpn: ['mesh/v1'] }, { ...open, alpn: 'mesh/v1' }).status).to.equal('pass');
    for (const alpn of [['http/1.1'], []]) {
      const verdict = judgeWire({ ...proof, alpn }, { ...open, alpn: 'mesh/v1' });
      expect(verdict.status).to.equal('fail');
      expect(verdict.problems.join()).to.match(/ALPN mismatch: (http\/1\.1|none) offered, expected mesh\/v1/);
    }
  });

  it('judges a TLS 1.3 handshake that a key log opened like one in clear', async () => {
    const hidden = { ...expected, identitiesOnWire: false };
    const opened: WireProof = {
      ...(await fixture('tls13-mutual')),
      clientIdentity: `${trust}/tripviewer`,
      serverIdentity: `${trust}/trips`,
      identityFrom: 'key log',
      clientCertificateRequested: true,
      connectionsUnopened: 0,
    };
    expect(judgeWire(opened, hidden)).to.deep.equal({ status: 'pass', problems: [] });
    const cases: [Partial<WireProof>, 'fail' | 'invalid', RegExp][] = [
      [{ clientCertificateRequested: false }, 'fail', /server did not ask for a client certificate/],
      [{ connectionsWithoutClientCertificate: 1 }, 'fail', /client showed no certificate in 1 of/],
      [{ clientIdentity: `${trust}/poi` }, 'fail', /identity mismatch: client is .*poi/],
      [{ connectionsUnopened: 1 }, 'invalid', /not opened: the secrets of 1 of/],
    ];
    for (const [change, status, problem] of cases) {
      const verdict = judgeWire({ ...opened, ...change }, hidden);
      expect(verdict.status).to.equal(status);
      expect(verdict.problems.join()).to.match(problem);
    }
  });

  it('the control must show the planted token in plaintext', async () => {
    const control = { expectTls: false } as const;
    expect(judgeWire(await fixture('http-planted-token'), control)).to.deep.equal({ status: 'pass', problems: [] });
    expect(judgeWire(await fixture('postgres-plaintext'), control).status).to.equal('pass');
    const cases: [WireProof, RegExp][] = [
      [await fixture('http-plaintext'), /planted token not seen, though the traffic is plaintext/],
      [good, /the unmeshed pair is encrypted/],
      [{ ...good, canarySeen: true }, /planted token seen, but not in plaintext/],
      [{ ...good, packets: 0, payloadBytes: 0 }, /nothing captured/],
    ];
    for (const [proof, problem] of cases) {
      const verdict = judgeWire(proof, control);
      expect(verdict.status).to.equal('invalid');
      expect(verdict.problems.join()).to.match(problem);
    }
  });
});
