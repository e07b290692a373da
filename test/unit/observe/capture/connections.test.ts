import { expect } from 'chai';
import { tcpFlags } from '../../../../src/observe/capture/tcp-segment.ts';
import {
  plantedToken,
  conversation,
  edgeOf,
  openingFrames,
  pcapOf,
  prove,
  record,
  streamsOf,
  tcpFrame,
  type TcpPacket,
} from './support.ts';

const { syn, ack, fin, rst } = tcpFlags;
const text = (value: string): Buffer => Buffer.from(value);
const fromClient = (sequence: number, payload: Buffer, more: Partial<TcpPacket> = {}): Buffer =>
  tcpFrame({ from: 'client', sequence, payload, ...more });
const request = text(`GET /${plantedToken} HTTP/1.1\r\nHost: trips\r\n\r\n`);

describe('TCP reassembly', () => {
  it('counts repeated and overlapping bytes once', async () => {
    const frames = [
      ...openingFrames(),
      fromClient(1001, request),
      fromClient(1001, request),
      fromClient(1005, request.subarray(4, 20)),
      fromClient(1001 + 10, Buffer.concat([request.subarray(10), text('tail')])),
    ];
    expect(await prove(pcapOf(frames))).to.include({ plaintextBytes: request.length + 4, unclassifiedBytes: 0 });
  });

  it('puts segments in order, also across the wrap of sequence numbers', async () => {
    const start = 0xffffffff - 10;
    const frames = [
      ...openingFrames(start),
      fromClient(start + 1 + 20, request.subarray(20)),
      fromClient(start + 1 + 5, request.subarray(5, 20)),
      fromClient(start + 1, request.subarray(0, 5)),
    ];
    expect(await prove(pcapOf(frames))).to.include({
      plaintextBytes: request.length,
      unclassifiedBytes: 0,
      canarySeen: true,
    });
  });

  it('a hole is unclassified, the bytes around it are not joined', async () => {
    const half = plantedToken.length / 2;
    const frames = [
      ...openingFrames(),
      fromClient(1001, text(`GET /${plantedToken.slice(0, half)}`)),
      fromClient(1001 + 5 + half + 7, text(plantedToken.slice(half))),
    ];
    const proof = await prove(pcapOf(frames));
    expect(proof).to.include({ plaintextBytes: 5 + plantedToken.length, unclassifiedBytes: 7, canarySeen: false });
  });

  it('a hole at the end shows by the acknowledgement, and by FIN', async () => {
    const acknowledged = tcpFrame({
      from: 'server',
      sequence: 2001,
      acknowledgement: 1001 + request.length + 9,
      flags: ack,
    });
    const frames = [...openingFrames(), fromClient(1001, request)];
    expect(await prove(pcapOf([...frames, acknowledged]))).to.include({ unclassifiedBytes: 9 });
    const end = fromClient(1001 + request.length + 30, Buffer.alloc(0), { flags: fin });
    expect(await prove(pcapOf([...frames, end]))).to.include({ unclassifiedBytes: 30 });
    expect(await prove(pcapOf(frames))).to.include({ unclassifiedBytes: 0 });
  });

  it('a hole inside one TLS record keeps its border, a hole across records loses it', async () => {
    const { client, server } = await streamsOf('tls12-mutual-any.pcap');
    const big = record(23, Buffer.alloc(5000, 7));
    const answer = Buffer.concat([server, big, big]);
    const say = (from: number, to: number): Buffer =>
      tcpFrame({ from: 'server', sequence: 2001 + from, payload: answer.subarray(from, to) });
    const begin = [...openingFrames(), fromClient(1001, client)];
    const inside = await prove(
      pcapOf([...begin, say(0, server.length + 100), say(server.length + 200, answer.length)]),
    );
    expect(inside).to.include({ unclassifiedBytes: 100, plaintextBytes: 0, handshakeSeen: true });
    const across = await prove(
      pcapOf([...begin, say(0, server.length + 5000), say(server.length + 5010, answer.length)]),
    );
    expect(across).to.include({ plaintextBytes: 0, unclassifiedBytes: answer.length - server.length - 5000 });
  });

  it('a hole in the handshake leaves no conclusion from it', async () => {
    const { client, server } = await streamsOf('tls12-mutual-any.pcap');
    const say = (from: number, to: number): Buffer =>
      tcpFrame({ from: 'server', sequence: 2001 + from, payload: server.subarray(from, to) });
    const proof = await prove(
      pcapOf([...openingFrames(), fromClient(1001, client), say(0, 300), say(310, server.length)]),
    );
    expect(proof).to.include({ handshakeSeen: false, connectionsWithoutHandshake: 1, unclassifiedBytes: 10 });
  });

  it('segments cut by the snap length are unclassified where they are cut', async () => {
    const frames = conversation(Buffer.concat([request, Buffer.alloc(1000, 32)]), text('HTTP/1.1 200 OK\r\n\r\n'));
    const proof = await prove(pcapOf(frames, { snapLength: 154 }));
    expect(proof).to.include({
      plaintextBytes: 100 + 19,
      unclassifiedBytes: request.length + 900,
      truncatedPackets: 1,
    });
    const headersOnly = await prove(pcapOf(frames, { snapLength: 54 }));
    expect(headersOnly).to.include({ plaintextBytes: 0, unclassifiedBytes: request.length + 1000 + 19 });
    const cutHeader = await prove(pcapOf(frames, { snapLength: 40 }));
    expect(cutHeader).to.include({ tlsBytes: 0, plaintextBytes: 0 });
    expect(cutHeader.unclassifiedBytes).to.be.greaterThan(1000);
  });

  it('gives up on a missing segment when too much waits for it', async () => {
    const piece = Buffer.alloc(60_000, 65);
    const frames = [...openingFrames(), fromClient(1001, text('GET / HTTP/1.1\r\n'))];
    for (let index = 0; index < 90; index++) frames.push(fromClient(1001 + 16 + 100 + index * piece.length, piece));
    const proof = await prove(pcapOf(frames));
    expect(proof).to.include({ unclassifiedBytes: 100, plaintextBytes: 16 + 90 * piece.length });
  });

  it('takes a new SYN on old ports for a new connection', async () => {
    const frames = [
      ...conversation(request, text('HTTP/1.1 200 OK\r\n\r\n')),
      ...openingFrames(700_000, 900_000),
      fromClient(700_001, request),
      tcpFrame({ from: 'server', sequence: 900_001, payload: text('HTTP/1.1 200 OK\r\n\r\n') }),
    ];
    const proof = await prove(pcapOf(frames));
    expect(proof).to.include({ connections: 2, plaintextBytes: 2 * (request.length + 19), unclassifiedBytes: 0 });
  });

  it('takes a repeated SYN and SYN-ACK for the same connection, and late repeats after the end for its own', async () => {
    const frames = [
      ...openingFrames(),
      ...openingFrames(),
      ...conversation(request, text('x')).slice(2),
      fromClient(1001, request),
    ];
    expect(await prove(pcapOf(frames))).to.include({
      connections: 1,
      plaintextBytes: request.length + 1,
      unclassifiedBytes: 0,
    });
  });

  it('needs only the SYN-ACK to know both beginnings', async () => {
    const frames = [openingFrames()[1]!, ...conversation(request, text('x')).slice(2)];
    expect(await prove(pcapOf(frames))).to.include({
      connections: 1,
      plaintextBytes: request.length + 1,
      unclassifiedBytes: 0,
    });
  });

  it('counts data after a reset, and none for connections without data', async () => {
    const reset = fromClient(1001, Buffer.alloc(0), { flags: rst });
    const late = tcpFrame({ from: 'server', sequence: 2001, payload: text('HTTP/1.1 200 OK\r\n\r\n') });
    expect(await prove(pcapOf([...openingFrames(), reset, late]))).to.include({ plaintextBytes: 19, connections: 1 });
    expect(await prove(pcapOf([...openingFrames(), reset]))).to.include({
      packets: 3,
      connections: 0,
      payloadBytes: 0,
      handshakeSeen: false,
    });
  });

  it('takes data on the SYN (TCP Fast Open)', async () => {
    const frames = [
      tcpFrame({ from: 'client', sequence: 1000, flags: syn, payload: request }),
      tcpFrame({ from: 'server', sequence: 2000, flags: syn | ack, acknowledgement: 1001 + request.length }),
    ];
    expect(await prove(pcapOf(frames))).to.include({ plaintextBytes: request.length, unclassifiedBytes: 0 });
  });

  it('a segment far outside the window is unclassified, but searched', async () => {
    const frames = [
      ...openingFrames(),
      fromClient(1001, text('GET / HTTP/1.1\r\n\r\n')),
      fromClient(0x7000_0000, text(plantedToken)),
    ];
    const proof = await prove(pcapOf(frames));
    expect(proof).to.include({ plaintextBytes: 18, unclassifiedBytes: plantedToken.length, canarySeen: true });
  });

  it('a connection that was there before is unclassified, unless it is plainly HTTP', async () => {
    const middle = [fromClient(5000, record(23, Buffer.alloc(300, 1)))];
    expect(await prove(pcapOf(middle))).to.include({
      tlsBytes: 0,
      unclassifiedBytes: 305,
      connectionsWithoutHandshake: 1,
    });
    const http = [fromClient(5000, request)];
    expect(await prove(pcapOf(http))).to.include({
      plaintextBytes: request.length,
      unclassifiedBytes: 0,
      canarySeen: true,
    });
  });

  it('keeps replicas apart and adds them up', async () => {
    const edge = { ...edgeOf(), sourceIps: ['10.9.0.1', '10.9.0.7'], destinationIps: ['10.9.0.2', '10.9.0.8'] };
    const plain = conversation(request, text('x'));
    const other = plain.map((frame) => {
      const copy = Buffer.from(frame);
      for (const at of [29, 33]) copy[at] = copy[at] === 1 ? 7 : 8;
      return copy;
    });
    expect(await prove(pcapOf([...plain, ...other]), edge)).to.include({
      connections: 2,
      plaintextBytes: 2 * (request.length + 1),
    });
    // Who is where is said: the one went to another node, the other did not.
    const nodes = { '10.9.0.1': 'one', '10.9.0.2': 'two', '10.9.0.7': 'one', '10.9.0.8': 'one' };
    expect(await prove(pcapOf([...plain, ...other]), { ...edge, nodes })).to.include({
      connections: 2,
      connectionsBetweenNodes: 1,
    });
    expect(await prove(pcapOf(plain), edge)).to.not.have.property('connectionsBetweenNodes');
    // A Service's own address is on no node.
    const service = { '10.9.0.1': 'one', '10.9.0.7': 'two' };
    expect(await prove(pcapOf(plain), { ...edge, nodes: service })).to.include({ connectionsBetweenNodes: 0 });
  });
});
