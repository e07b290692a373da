import { EventEmitter, once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connect as tlsConnect, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { parseKeyLog } from '../../../../src/observe/capture/key-log.ts';
import { openHandshakes, proveWire } from '../../../../src/observe/capture/prove-wire.ts';
import { tcpFlags } from '../../../../src/observe/capture/tcp-segment.ts';
import { testAuthority } from './certificates.ts';
import { chunksOf, edgeOf, openingFrames, pcapOf, plantedToken, tcpFrame } from './support.ts';

const clientId = 'spiffe://cluster.local/ns/shop/sa/viewer';
const serverId = 'spiffe://cluster.local/ns/shop/sa/trips';

interface Recorded {
  pcap: Buffer;
  keyLog: string;
  /** Of each connection, epoch ms. */
  endedMs: number[];
}

/** TLS 1.3 of the real OpenSSL, as a capture would have it: `sessions` connections one after the other, each resuming the last. */
async function record(options: { sessions?: number; certificate?: boolean; cipher?: string } = {}): Promise<Recorded> {
  const { sessions = 1, certificate = true, cipher = 'TLS_AES_256_GCM_SHA384' } = options;
  const authority = await testAuthority();
  const own = await authority.issue([{ type: 'url', value: serverId }]);
  const theirs = await authority.issue([{ type: 'url', value: clientId }]);
  const keys: string[] = [];
  const server = createTlsServer({
    ...{ cert: own.cert, key: own.key, ca: authority.pem, requestCert: true, rejectUnauthorized: certificate },
    minVersion: 'TLSv1.3',
    sessionIdContext: 'test',
  });
  server.on('keylog', (line: Buffer) => keys.push(line.toString()));
  server.on('secureConnection', (socket) => socket.on('data', (data) => socket.end(`echo ${data.toString()}`)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const frames: Buffer[] = [];
  const ends = new EventEmitter();
  let ended = 0;
  let index = 0;
  // Between the two, every piece of either side becomes a packet.
  const relay = createServer((client) => {
    const ports = { clientPort: 40_000 + index++ };
    const upstream = connect((server.address() as { port: number }).port, '127.0.0.1');
    frames.push(...openingFrames(1000, 2000, ports));
    pass('client', client, upstream, { next: 1001, ports });
    pass('server', upstream, client, { next: 2001, ports });
  });
  function pass(
    from: 'client' | 'server',
    source: Socket,
    target: Socket,
    state: { next: number; ports: { clientPort: number } },
  ): void {
    source.on('data', (payload: Buffer) => {
      frames.push(tcpFrame({ ...state.ports, from, sequence: state.next, payload }));
      state.next += payload.length;
      target.write(payload);
    });
    source.on('end', () => {
      frames.push(tcpFrame({ ...state.ports, from, sequence: state.next, flags: tcpFlags.fin }));
      target.end();
      ended++;
      ends.emit('one');
    });
    source.on('error', () => target.destroy());
  }
  await once(relay.listen(0, '127.0.0.1'), 'listening');
  const endedMs: number[] = [];
  let session: Buffer | undefined;
  for (let at = 0; at < sessions; at++) {
    const socket: TLSSocket = tlsConnect({
      ...{ host: '127.0.0.1', port: (relay.address() as { port: number }).port, ca: authority.pem },
      ...(certificate && { cert: theirs.cert, key: theirs.key }),
      ...{ ciphers: cipher, minVersion: 'TLSv1.3' as const, checkServerIdentity: () => undefined },
      ...(session && { session }),
    });
    socket.on('session', (ticket: Buffer) => (session = ticket));
    socket.on('data', () => {});
    await once(socket, 'secureConnect');
    socket.write('hello');
    await once(socket, 'close');
    while (ended < 2 * (at + 1)) await once(ends, 'one');
    // The packets of a generated capture are a microsecond apart.
    endedMs.push(1_700_000_000_000 + frames.length / 1000);
  }
  server.close();
  relay.close();
  return { pcap: pcapOf(frames), keyLog: keys.join(''), endedMs };
}

const open = ({ pcap, keyLog }: Recorded) => openHandshakes(chunksOf(pcap, 1000), edgeOf(), parseKeyLog(keyLog));
const proveWith = async (recorded: Recorded, judgedFromMs?: number) =>
  proveWire(
    chunksOf(recorded.pcap, 1000),
    { ...edgeOf(), ...(judgedFromMs !== undefined && { judgedFromMs }) },
    {
      plantedTokens: [plantedToken],
      kernelDrops: 0,
      opened: await open(recorded),
    },
  );

describe('the encrypted part of a TLS 1.3 handshake', () => {
  for (const cipher of ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']) {
    it(`says who showed which certificate, with the secrets of a key log (${cipher})`, async () => {
      const opened = await open(await record({ cipher }));
      expect(opened).to.have.length(1);
      expect(opened[0]).to.include({ certificateRequested: true, clientIdentity: clientId, serverIdentity: serverId });
    });
  }

  it('makes a proof from packets, whose secrets are gone', async () => {
    const proof = await proveWith(await record());
    expect(proof).to.include({
      ...{ tlsVersion: '1.3', identityFrom: 'key log', handshakeSeen: true, clientCertificateRequested: true },
      ...{ clientIdentity: clientId, serverIdentity: serverId, connections: 1 },
    });
    expect(proof.connectionsUnopened).to.equal(undefined);
  });

  it('shows a client that has no certificate', async () => {
    const proof = await proveWith(await record({ certificate: false }));
    expect(proof).to.include({ connectionsWithoutClientCertificate: 1, serverIdentity: serverId });
    expect(proof.clientIdentity).to.equal(undefined);
  });

  it('counts for sessions that continue it, by the tickets that were given out behind it', async () => {
    const proof = await proveWith(await record({ sessions: 3 }));
    expect(proof).to.include({ connections: 3, resumedConnections: 2, resumedFromUnseen: 0, handshakeSeen: true });
  });

  it('counts through a session that went on before the judged time', async () => {
    const recorded = await record({ sessions: 3 });
    const proof = await proveWith(recorded, recorded.endedMs[1]);
    expect(proof).to.include({ connections: 1, resumedConnections: 1, resumedFromUnseen: 0, clientIdentity: clientId });
  });

  it('stays closed without the secrets, and with those of another connection', async () => {
    const [recorded, other] = [await record(), await record()];
    const random = [...parseKeyLog(recorded.keyLog).keys()][0]!;
    const foreign = other.keyLog.replaceAll([...parseKeyLog(other.keyLog).keys()][0]!, random);
    expect(await open({ ...recorded, keyLog: '' })).to.deep.equal([]);
    expect(await open({ ...recorded, keyLog: foreign })).to.deep.equal([]);
    const proof = await proveWith({ ...recorded, keyLog: foreign });
    expect(proof).to.include({ connectionsUnopened: 1, clientCertificateRequested: false });
    expect(proof.identityFrom).to.equal(undefined);
  });

  it('keeps of a key log only what handshakes need', () => {
    const random = 'ab'.repeat(32);
    const line = (label: string): string => `${label} ${random} ${'cd'.repeat(48)}\n`;
    const log = parseKeyLog(
      `# comment\n${line('CLIENT_TRAFFIC_SECRET_0')}${line('SERVER_HANDSHAKE_TRAFFIC_SECRET')}bad\n`,
    );
    expect(Object.keys(log.get(random)!)).to.deep.equal(['SERVER_HANDSHAKE_TRAFFIC_SECRET']);
  });
});
