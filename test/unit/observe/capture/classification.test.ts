import { expect } from 'chai';
import { plantedToken, conversation, openingFrames, pcapOf, prove, record, streamsOf, tcpFrame } from './support.ts';

const text = (value: string): Buffer => Buffer.from(value);

describe('classification of streams', () => {
  let tls: { client: Buffer; server: Buffer };
  before(async () => {
    tls = await streamsOf('tls12-mutual-any.pcap');
  });

  it('counts plaintext from the first thing that is no record', async () => {
    const leaks: Buffer[] = [
      text('GET /after HTTP/1.1\r\n\r\n'),
      Buffer.alloc(40, 0),
      Buffer.from([23, 3, 3, 255, 255, 1]),
      Buffer.from([25, 3, 3, 0, 1, 1]),
      Buffer.from([22, 2, 0, 0, 1, 1]),
    ];
    for (const leak of leaks) {
      const proof = await prove(pcapOf(conversation(Buffer.concat([tls.client, leak]), tls.server)));
      expect(proof, leak.toString('hex')).to.include({
        tlsBytes: tls.client.length + tls.server.length,
        plaintextBytes: leak.length,
        unclassifiedBytes: 0,
      });
    }
  });

  it('takes a server that answers TLS in plaintext for plaintext', async () => {
    const answer = text('HTTP/1.1 400 Bad Request\r\n\r\n');
    const proof = await prove(pcapOf(conversation(tls.client.subarray(0, 386), answer)));
    expect(proof).to.include({ tlsBytes: 386, plaintextBytes: answer.length });
  });

  it('does not take records for TLS that do not begin with a hello', async () => {
    const disguised = record(23, text(`GET /${plantedToken} HTTP/1.1`));
    const proof = await prove(pcapOf(conversation(disguised, Buffer.alloc(0))));
    expect(proof).to.include({ tlsBytes: 0, plaintextBytes: disguised.length, canarySeen: true });
  });

  it('does not take handshake records for TLS that hold something else', async () => {
    const finished = record(22, Buffer.concat([Buffer.from([20, 0, 0, 12]), Buffer.alloc(12)]));
    const hello = tls.client.subarray(0, 386);
    const cases: [client: Buffer, server: Buffer, tlsBytes: number][] = [
      [finished, Buffer.alloc(0), 0],
      [tls.server, Buffer.alloc(0), 0],
      [hello, finished, hello.length],
      [hello, tls.client, hello.length],
    ];
    for (const [client, server, tlsBytes] of cases) {
      const proof = await prove(pcapOf(conversation(client, server)));
      expect(proof).to.include({ tlsBytes, plaintextBytes: client.length + server.length - tlsBytes });
    }
  });

  it('sees a planted token inside TLS records', async () => {
    const client = Buffer.concat([tls.client, record(23, text(`xx${plantedToken}xx`))]);
    expect(await prove(pcapOf(conversation(client, tls.server)))).to.include({ canarySeen: true, plaintextBytes: 0 });
  });

  it('counts the records of a cipher that does not encrypt as plaintext', async () => {
    const server = Buffer.from(tls.server);
    // ServerHello: record 5, message 4, version 2, random 32, session id 1 + length.
    const at = 5 + 4 + 2 + 32;
    const cipherAt = at + 1 + server.readUInt8(at);
    expect(server.readUInt16BE(cipherAt)).to.equal(0xc02b);
    server.writeUInt16BE(0xc006, cipherAt);
    const proof = await prove(pcapOf(conversation(tls.client, server)));
    expect(proof.plaintextBytes).to.be.greaterThan(4000);
    expect(proof.tlsBytes + proof.plaintextBytes).to.equal(proof.payloadBytes);
  });

  it('knows PostgreSQL that is refused encryption and goes on in plaintext', async () => {
    const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
    const startup = Buffer.concat([Buffer.from([0, 0, 0, 20, 0, 3, 0, 0]), text('user\0trips\0\0')]);
    const frames = [
      ...openingFrames(),
      tcpFrame({ from: 'client', sequence: 1001, payload: sslRequest }),
      tcpFrame({ from: 'server', sequence: 2001, payload: text('N') }),
      tcpFrame({ from: 'client', sequence: 1009, payload: startup }),
      tcpFrame({ from: 'server', sequence: 2002, payload: Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]) }),
    ];
    const proof = await prove(pcapOf(frames));
    expect(proof).to.include({ plaintextBytes: 8 + 1 + 20 + 9, tlsBytes: 0 });
    expect(proof.plaintextProtocols).to.deep.equal(['postgresql', 'postgresql-ssl-request']);
  });

  it('names HTTP/2 and what it does not know', async () => {
    const preface = text('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    expect((await prove(pcapOf(conversation(preface, Buffer.alloc(0))))).plaintextProtocols).to.deep.equal(['http/2']);
    expect((await prove(pcapOf(conversation(text('hello\n'), text('bye\n'))))).plaintextProtocols).to.deep.equal([
      'unknown',
    ]);
  });

  it('finds a planted token across any segment border, in either direction, and says which', async () => {
    const message = text(`body ${plantedToken} end`);
    for (const from of ['client', 'server'] as const) {
      for (let cut = 1; cut < message.length; cut++) {
        const sequence = from === 'client' ? 1001 : 2001;
        const frames = [
          ...openingFrames(),
          tcpFrame({ from, sequence, payload: message.subarray(0, cut) }),
          tcpFrame({ from, sequence: sequence + cut, payload: message.subarray(cut) }),
        ];
        const proof = await prove(pcapOf(frames), undefined, [plantedToken, 'another-planted-token', '']);
        expect(proof.plantedTokensSeen, `${from} ${cut}`).to.deep.equal([plantedToken]);
      }
      const bytes = [...message].map((byte, index) =>
        tcpFrame({ from, sequence: (from === 'client' ? 1001 : 2001) + index, payload: Buffer.from([byte]) }),
      );
      expect((await prove(pcapOf([...openingFrames(), ...bytes]))).canarySeen).to.equal(true);
    }
  });

  it('does not see a planted token that is not there, nor one put together from two connections', async () => {
    const half = plantedToken.length / 2;
    const frames = [
      ...conversation(text(plantedToken.slice(0, half)), Buffer.alloc(0), { clientPort: 40_001 }),
      ...conversation(text(plantedToken.slice(half)), Buffer.alloc(0), { clientPort: 40_002 }),
      ...conversation(text(plantedToken.slice(0, half)), text(plantedToken.slice(half)), { clientPort: 40_003 }),
    ];
    expect((await prove(pcapOf(frames))).canarySeen).to.equal(false);
  });

  it('a handshake cut off by the end of the capture is not held against the edge, data without handshake is', async () => {
    const begun = conversation(tls.client.subarray(0, 386), Buffer.alloc(0), { clientPort: 41_000 }).slice(0, 3);
    const whole = conversation(tls.client, tls.server);
    expect(await prove(pcapOf([...whole, ...begun]))).to.include({
      handshakeSeen: true,
      connections: 2,
      unclassifiedBytes: 0,
    });
    const middle = tcpFrame({
      from: 'client',
      clientPort: 42_000,
      sequence: 77,
      payload: record(23, Buffer.alloc(50)),
    });
    expect(await prove(pcapOf([...whole, middle]))).to.include({
      handshakeSeen: false,
      connectionsWithoutHandshake: 1,
    });
  });
});
