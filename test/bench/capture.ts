import { randomFillSync } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../src/base/process.ts';
import { ethernet, ipv4Packet, openingFrames, pcapOf, record, streamsOf } from '../unit/observe/capture/support.ts';

export interface CaptureBench {
  captureBytes: number;
  packets: number;
  seconds: number;
  megabytesPerSecond: number;
  /** Per second of one core, whatever else the machine did. */
  megabytesPerCpuSecond: number;
  /** Peak RSS of the process that proves, Node included. */
  maxRssMiB: number;
}

const loader = fileURLToPath(new URL('../../bin/typescript.mjs', import.meta.url));
const segmentLength = 1448;
const connections = 64;

/**
 * Wire proof of a generated capture (default 1 GiB): TLS 1.2 connections with full handshakes, 16 KiB records, segments of
 * 1448 bytes, two planted tokens searched. @throws if the proof is wrong.
 */
export async function benchCapture(options: { bytes?: number } = {}): Promise<CaptureBench> {
  const folder = await mkdtemp(join(tmpdir(), 'meshproof-bench-'));
  try {
    const file = join(folder, 'big.pcap');
    await pipeline(Readable.from(bigCapture(options.bytes ?? 2 ** 30)), createWriteStream(file));
    const worker = fileURLToPath(new URL('capture-worker.ts', import.meta.url));
    // As bin/bootstrap.mjs starts a program: tsx would count as memory of it.
    const { stdout } = await runCommand([process.execPath, '--import', loader, worker, file]);
    const result = JSON.parse(stdout) as Record<string, number>;
    if (result['otherBytes'] !== 0 || result['connections'] !== connections) throw new Error(`wrong proof: ${stdout}`);
    const bytes = result['bytes'] ?? 0;
    return {
      captureBytes: bytes,
      packets: result['packets'] ?? 0,
      seconds: result['seconds'] ?? 0,
      megabytesPerSecond: bytes / 1e6 / (result['seconds'] ?? 1),
      megabytesPerCpuSecond: bytes / 1e6 / (result['cpuSeconds'] ?? 1),
      maxRssMiB: result['maxRssMiB'] ?? 0,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function* bigCapture(bytes: number): AsyncGenerator<Buffer> {
  const { client, server } = await streamsOf('tls12-mutual-any.pcap');
  yield pcapOf([]);
  const headerLength = pcapOf([]).length;
  const packets = (frames: Buffer[]): Buffer => pcapOf(frames).subarray(headerLength);
  const sequences: number[] = [];
  for (let index = 0; index < connections; index++) {
    const ports = { clientPort: 30_000 + index };
    const say = (from: 'client' | 'server', sequence: number, payload: Buffer): Buffer =>
      ethernet(ipv4Packet({ ...ports, from, sequence, payload }));
    yield packets([...openingFrames(1000, 2000, ports), say('client', 1001, client), say('server', 2001, server)]);
    sequences.push(2001 + server.length);
  }
  // A piece of stream that is whole records and whole segments: sent again and again, only ports and sequence change.
  const body = randomFillSync(Buffer.alloc(16_384));
  const stream = Buffer.concat(Array.from({ length: 32 }, () => record(23, body)));
  const frames: Buffer[] = [];
  for (let at = 0; at < stream.length; at += segmentLength) {
    frames.push(
      ethernet(ipv4Packet({ from: 'server', sequence: 0, payload: stream.subarray(at, at + segmentLength) })),
    );
  }
  const block = packets(frames);
  const recordHeader = 16;
  let turn = 0;
  for (let written = 0; written < bytes; written += block.length) {
    const copy = Buffer.from(block);
    const index = turn++ % connections;
    let at = 0;
    for (const frame of frames) {
      const tcp = at + recordHeader + 34;
      copy.writeUInt16BE(30_000 + index, tcp + 2);
      copy.writeUInt32BE(sequences[index]! >>> 0, tcp + 4);
      sequences[index]! += frame.length - 54;
      at += recordHeader + frame.length;
    }
    yield copy;
  }
}
