import { expect } from 'chai';
import { decodeIp, emptySegment } from '../../../../src/observe/capture/tcp-segment.ts';
import { ethernet, fixturePath, ipPacketsOf, pcapOf, prove } from './support.ts';

/** From a lab: the sidecar of userprofile was started anew, a readiness check showed certificates, the load resumed its session. */
const name = 'lab/resumed-from-early.pcap';
const edge = {
  source: 'userprofile',
  destination: 'postgres',
  side: 'client' as const,
  sourceIps: ['10.244.0.9'],
  destinationIps: ['10.244.0.14'],
};
/** After the check's connection had ended. */
const judgedFromMs = 1_795_652_381_917;
const resumingPort = 49_740;

describe('a session that began before the judged time', () => {
  it('counts with the certificates of its handshake, which the capture shows', async () => {
    const proof = await prove(fixturePath(name), { ...edge, judgedFromMs });
    expect(proof).to.include({ handshakeSeen: true, connections: 1, resumedConnections: 1, resumedFromUnseen: 0 });
    expect(proof.clientCertificateRequested).to.equal(true);
    expect(proof.clientIdentity).to.match(/\/svc\/userprofile$/);
    expect(proof.serverIdentity).to.match(/\/svc\/postgres$/);
  });

  it('proves nothing when that handshake is not in the capture', async () => {
    const segment = emptySegment();
    const resuming = (await ipPacketsOf(name)).filter((packet) => {
      decodeIp(packet, 0, packet.length, packet.length, segment);
      return [segment.sourcePort, segment.destinationPort].includes(resumingPort);
    });
    const proof = await prove(pcapOf(resuming.map(ethernet)), edge);
    expect(proof).to.include({ handshakeSeen: false, connections: 1, resumedFromUnseen: 1 });
    expect(proof.clientIdentity).to.equal(undefined);
  });
});
