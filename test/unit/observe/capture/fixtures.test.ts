import { expect } from 'chai';
import { readdirSync } from 'node:fs';
import { versionName } from '../../../../src/observe/capture/tls-handshake.ts';
import { edgeOf, fixturePath, invariantHolds, prove, readFixture } from './support.ts';

interface Facts {
  tcpPackets: number;
  connections: number;
  serverPort: number;
  payloadBytes: number;
  tlsRecordBytes: number;
  sni: string[];
  alpnOffered: string[];
  serverHelloVersion: string[];
  serverHelloSupportedVersion: string[];
  cipherSuite: string[];
  pskAccepted: number;
  serverCertificateUris: string[];
  clientCertificateUris: string[];
  certificateRequests: number;
  alerts: number[];
  packetsWithPlantedToken: number;
}

const names = readdirSync(fixturePath('.')).filter((name) => name.endsWith('.pcap'));

describe('captures against the facts tshark took', () => {
  it('has captures of every kind', () => {
    expect(names).to.have.length.greaterThan(15);
  });

  for (const name of names) {
    const facts = JSON.parse(readFixture(name.replace('.pcap', '.json')).toString()) as Facts;
    // By design: bytes of a connection whose beginning is missing are not attributed, whatever they look like.
    const midStream = name.includes('mid-stream');

    it(name, async () => {
      const proof = await prove(fixturePath(name), edgeOf(name));
      expect(invariantHolds(proof)).to.equal(true);
      expect(proof.packets).to.equal(facts.tcpPackets);
      expect(proof.payloadBytes).to.equal(facts.payloadBytes);
      expect(proof.port).to.equal(facts.serverPort);
      expect(proof.connections).to.equal(midStream ? 1 : facts.connections);
      expect(proof.unclassifiedBytes).to.equal(midStream ? facts.payloadBytes : 0);
      if (name === 'tls12-then-plaintext.pcap') {
        // tshark stops reading records in both directions after the foreign bytes; 31 are the server's closing alert.
        expect(proof.tlsBytes).to.equal(facts.tlsRecordBytes + 31);
      } else expect(proof.tlsBytes).to.equal(midStream ? 0 : facts.tlsRecordBytes);
      expect(proof.sni).to.equal(facts.sni[0]);
      expect(proof.alpn ?? []).to.deep.equal(facts.alpnOffered);
      const version = facts.serverHelloSupportedVersion[0] ?? facts.serverHelloVersion[0];
      expect(proof.tlsVersion).to.equal(version === undefined ? undefined : versionName(Number(version)));
      expect(proof.cipherSuites).to.deep.equal(facts.cipherSuite);
      expect(proof.serverIdentities).to.deep.equal(facts.serverCertificateUris);
      expect(proof.clientIdentities).to.deep.equal(facts.clientCertificateUris);
      expect(proof.clientCertificateRequested).to.equal(facts.certificateRequests > 0 && name !== 'tls12-refused.pcap');
      expect(proof.alerts).to.have.length(facts.alerts.length);
      expect(proof.canarySeen).to.equal(facts.packetsWithPlantedToken > 0);
    });
  }

  it('takes resumption for what it is, in both versions', async () => {
    for (const name of ['tls12-resumed.pcap', 'tls13-resumed.pcap']) {
      const proof = await prove(fixturePath(name));
      expect(proof).to.include({ resumedConnections: 1, handshakeSeen: false });
    }
  });

  it('sees full handshakes, also after a HelloRetryRequest and across many segments', async () => {
    for (const name of [
      'tls12-mutual',
      'tls13-mutual',
      'tls13-hello-retry',
      'tls12-split-hello',
      'tls12-mutual-ipv6',
    ]) {
      const proof = await prove(fixturePath(`${name}.pcap`), edgeOf(name));
      expect(proof, name).to.include({ resumedConnections: 0, handshakeSeen: true });
    }
  });

  it('says which clients showed no certificate, and which server refused one', async () => {
    expect(await prove(fixturePath('tls12-no-client-certificate.pcap'))).to.include({
      connectionsWithoutClientCertificate: 1,
      clientCertificateRequested: true,
    });
    expect(await prove(fixturePath('tls12-one-way.pcap'))).to.include({ clientCertificateRequested: false });
    const refused = await prove(fixturePath('tls12-refused.pcap'));
    expect(refused.alerts).to.deep.equal(['server: fatal handshake_failure']);
    expect(refused.handshakeSeen).to.equal(false);
  });

  it('names what plaintext is', async () => {
    const named: Record<string, string> = {
      'http-plaintext': 'http/1',
      'postgres-plaintext': 'postgresql',
      'postgres-ssl': 'postgresql-ssl-request',
      'tls12-then-plaintext': 'http/1',
    };
    for (const [name, protocol] of Object.entries(named)) {
      expect((await prove(fixturePath(`${name}.pcap`))).plaintextProtocols, name).to.deep.equal([protocol]);
    }
  });

  it('sees nothing of an edge between other addresses', async () => {
    const edge = { ...edgeOf(), destinationIps: ['10.9.0.3'] };
    expect(await prove(fixturePath('http-planted-token.pcap'), edge)).to.include({
      packets: 0,
      payloadBytes: 0,
      canarySeen: false,
      port: 0,
    });
  });

  it('counts bytes of a connection that the destination opened, and leaves its identities to the other edge', async () => {
    const edge = edgeOf();
    const proof = await prove(fixturePath('tls12-mutual.pcap'), {
      ...edge,
      sourceIps: edge.destinationIps,
      destinationIps: edge.sourceIps,
    });
    expect(proof).to.include({ payloadBytes: 15_219, connections: 0, handshakeSeen: false });
    expect(proof.clientIdentities).to.deep.equal([]);
  });
});
