import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ipOffset } from '../../../../src/observe/capture/link-layer.ts';
import { readPcap } from '../../../../src/observe/capture/pcap-reader.ts';
import { proveWire } from '../../../../src/observe/capture/prove-wire.ts';
import { decodeIp, emptySegment, tcpFlags } from '../../../../src/observe/capture/tcp-segment.ts';
import type { WireEdge, WireProof } from '../../../../src/observe/capture/wire.ts';

export const plantedToken = 'planted-f3a9c51e2';
export const clientIp = '10.9.0.1';
export const serverIp = '10.9.0.2';

export function fixturePath(name: string): string {
  return fileURLToPath(new URL(`../../../../fixtures/captures/${name}`, import.meta.url));
}

export function edgeOf(name = ''): WireEdge {
  const v6 = name.includes('ipv6');
  return {
    source: 'tripviewer',
    destination: 'trips',
    sourceIps: [v6 ? 'fd09::1' : clientIp],
    destinationIps: [v6 ? 'fd09::2' : serverIp],
    side: 'server',
  };
}

/** Proves fixture captures and generated ones with the same edge. */
export async function prove(
  capture: string | Buffer,
  edge = edgeOf(),
  plantedTokens = [plantedToken],
): Promise<WireProof> {
  const source = typeof capture === 'string' ? capture : chunksOf(capture, 1000);
  return proveWire(source, edge, { plantedTokens, kernelDrops: 0 });
}

export async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

export interface PcapFormat {
  linkType?: number;
  bigEndian?: boolean;
  nanoseconds?: boolean;
  snapLength?: number;
}

/** A capture file of these frames. */
export function pcapOf(frames: readonly Buffer[], format: PcapFormat = {}): Buffer {
  const { linkType = 1, bigEndian = false, nanoseconds = false, snapLength = 262_144 } = format;
  const uint32s = (...values: number[]): Buffer => {
    const bytes = Buffer.alloc(values.length * 4);
    values.forEach((value, index) =>
      bigEndian ? bytes.writeUInt32BE(value, index * 4) : bytes.writeUInt32LE(value, index * 4),
    );
    return bytes;
  };
  const version = bigEndian ? Buffer.from([0, 2, 0, 4]) : Buffer.from([2, 0, 4, 0]);
  const parts = [uint32s(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4), version, uint32s(0, 0, snapLength, linkType)];
  frames.forEach((frame, index) => {
    const captured = Math.min(frame.length, snapLength);
    parts.push(uint32s(1_700_000_000, index, captured, frame.length), frame.subarray(0, captured));
  });
  return Buffer.concat(parts);
}

export interface TcpPacket {
  from: 'client' | 'server';
  sequence: number;
  acknowledgement?: number;
  flags?: number;
  payload?: Buffer;
  clientPort?: number;
  serverPort?: number;
}

/** An IPv4 packet between the two test addresses. */
export function ipv4Packet(packet: TcpPacket, ipOptions = Buffer.alloc(0), fragment = 0): Buffer {
  const { from, clientPort = 40_000, serverPort = 20_000, payload = Buffer.alloc(0) } = packet;
  const ip = Buffer.alloc(20);
  ip[0] = 0x40 | ((20 + ipOptions.length) / 4);
  ip.writeUInt16BE(20 + ipOptions.length + 20 + payload.length, 2);
  ip.writeUInt16BE(fragment, 6);
  ip[8] = 64;
  ip[9] = 6;
  const addresses = [Buffer.from([10, 9, 0, 1]), Buffer.from([10, 9, 0, 2])];
  const ports = [clientPort, serverPort];
  if (from === 'server') [addresses, ports].forEach((list) => list.reverse());
  addresses[0]!.copy(ip, 12);
  addresses[1]!.copy(ip, 16);
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(ports[0]!, 0);
  tcp.writeUInt16BE(ports[1]!, 2);
  tcp.writeUInt32BE(packet.sequence >>> 0, 4);
  tcp.writeUInt32BE((packet.acknowledgement ?? 0) >>> 0, 8);
  tcp[12] = 0x50;
  tcp[13] = packet.flags ?? 0;
  return Buffer.concat([ip, ipOptions, tcp, payload]);
}

export function ethernet(ip: Buffer): Buffer {
  const header = Buffer.alloc(14);
  header.writeUInt16BE((ip[0] ?? 0) >> 4 === 6 ? 0x86dd : 0x0800, 12);
  return Buffer.concat([header, ip]);
}

export function tcpFrame(packet: TcpPacket): Buffer {
  return ethernet(ipv4Packet(packet));
}

/** SYN and SYN-ACK of a connection with these initial sequence numbers. */
export function openingFrames(
  client = 1000,
  server = 2000,
  ports: Pick<TcpPacket, 'clientPort' | 'serverPort'> = {},
): Buffer[] {
  return [
    tcpFrame({ ...ports, from: 'client', sequence: client, flags: tcpFlags.syn }),
    tcpFrame({
      ...ports,
      from: 'server',
      sequence: server,
      acknowledgement: client + 1,
      flags: tcpFlags.syn | tcpFlags.ack,
    }),
  ];
}

/** A whole connection in which each side says one thing. */
export function conversation(
  client: Buffer,
  server: Buffer,
  ports: Pick<TcpPacket, 'clientPort' | 'serverPort'> = {},
): Buffer[] {
  return [
    ...openingFrames(1000, 2000, ports),
    tcpFrame({ ...ports, from: 'client', sequence: 1001, payload: client }),
    tcpFrame({ ...ports, from: 'server', sequence: 2001, payload: server }),
    tcpFrame({ ...ports, from: 'client', sequence: 1001 + client.length, flags: tcpFlags.fin }),
    tcpFrame({ ...ports, from: 'server', sequence: 2001 + server.length, flags: tcpFlags.fin }),
  ];
}

export function readFixture(name: string): Buffer {
  return readFileSync(fixturePath(name));
}

/** The IP packets of a fixture, without the link layer. */
export async function ipPacketsOf(name: string): Promise<Buffer[]> {
  const packets: Buffer[] = [];
  await readPcap(fixturePath(name), {
    onPacket: ({ buffer, start, end, linkType }) => {
      const at = ipOffset(linkType, buffer, start, end);
      if (at >= 0) packets.push(Buffer.from(buffer.subarray(at, end)));
    },
  });
  return packets;
}

/** The two byte streams of a fixture with one connection, whose segments are in order in the file. */
export async function streamsOf(name: string): Promise<{ client: Buffer; server: Buffer }> {
  const segment = emptySegment();
  const streams: Record<'client' | 'server', Buffer[]> = { client: [], server: [] };
  for (const packet of await ipPacketsOf(name)) {
    if (decodeIp(packet, 0, packet.length, packet.length, segment) !== 'tcp') continue;
    const side = packet[segment.sourceAt + 3] === 1 ? 'client' : 'server';
    streams[side].push(packet.subarray(segment.payloadStart, segment.payloadEnd));
  }
  return { client: Buffer.concat(streams.client), server: Buffer.concat(streams.server) };
}

/** A TLS record with an arbitrary body. */
export function record(type: number, body: Buffer, version = 0x0303): Buffer {
  const header = Buffer.alloc(5);
  header[0] = type;
  header.writeUInt16BE(version, 1);
  header.writeUInt16BE(body.length, 3);
  return Buffer.concat([header, body]);
}

export function invariantHolds(proof: WireProof): boolean {
  const counts = [proof.tlsBytes, proof.plaintextBytes, proof.unclassifiedBytes];
  return counts.every((count) => count >= 0) && counts[0]! + counts[1]! + counts[2]! === proof.payloadBytes;
}
