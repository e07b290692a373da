import { open } from 'node:fs/promises';
import { MeshproofError } from '../../base/errors.ts';
import { captureError } from './capture-error.ts';

/** A path, or the bytes of a capture file as they come (e.g. a read stream). */
export type PcapSource = string | AsyncIterable<Uint8Array>;

/**
 * One packet: bytes `start` to `end` of `buffer`. Object and buffer are filled again for the next one, so both are valid
 * only during the call.
 */
export interface PcapPacket {
  readonly buffer: Buffer;
  start: number;
  end: number;
  /** What was on the wire: more than `end - start` where the snap length cut the packet. */
  wireLength: number;
  linkType: number;
  seconds: number;
  nanoseconds: number;
}

export interface PcapHandler {
  onPacket(packet: PcapPacket): void;
  /** After each piece that was read: the place to wait for a slow consumer. */
  onChunk?(): Promise<void>;
}

export interface PcapSummary {
  linkType: number;
  packets: number;
  bytes: number;
  /** Milliseconds since the epoch; undefined without packets. */
  firstPacketAt?: number | undefined;
  lastPacketAt?: number | undefined;
  /** The file ends in the middle of a packet. */
  truncated: boolean;
}

const fileHeaderLength = 24;
const recordHeaderLength = 16;
/** libpcap's MAXIMUM_SNAPLEN: a longer record is a corrupt file, not a packet. */
const maxRecordLength = 262_144;
const bufferLength = 1024 * 1024;

/**
 * Reads a classic pcap file (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html) in one pass through one
 * fixed buffer of 1 MiB: micro- and nanosecond magic, both byte orders.
 *
 * @throws MeshproofError MESHPROOF_CAPTURE if it is not one, or a record is corrupt. A cut end is no error: see `truncated`.
 */
export async function readPcap(source: PcapSource, handler: PcapHandler): Promise<PcapSummary> {
  const parser = new PcapParser(typeof source === 'string' ? source : 'the capture', handler);
  if (typeof source === 'string') await readFile(source, parser, handler);
  else {
    for await (const chunk of source) {
      parser.push(chunk);
      await handler.onChunk?.();
    }
  }
  return parser.end();
}

async function readFile(path: string, parser: PcapParser, handler: PcapHandler): Promise<void> {
  let file;
  try {
    file = await open(path, 'r');
    for (;;) {
      const { bytesRead } = await file.read(parser.buffer, parser.fill, parser.buffer.length - parser.fill);
      if (bytesRead === 0) return;
      parser.filled(bytesRead);
      await handler.onChunk?.();
    }
  } catch (error) {
    if (error instanceof MeshproofError || !isSystemError(error)) throw error;
    throw captureError(
      `The capture ${path} cannot be read: ${error.message}`,
      'Was tcpdump started, and as root?',
      error,
    );
  } finally {
    await file?.close();
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

class PcapParser {
  readonly buffer = Buffer.allocUnsafeSlow(bufferLength);
  /** Bytes of `buffer` in use; always leaves room, since a record is far smaller than the buffer. */
  fill = 0;
  readonly #name: string;
  readonly #handler: PcapHandler;
  readonly #packet: PcapPacket;
  #headerRead = false;
  #littleEndian = true;
  #nanosecondsPerFraction = 1000;
  #packets = 0;
  #bytes = 0;
  #firstPacketAt: number | undefined;
  #lastPacketAt: number | undefined;

  constructor(name: string, handler: PcapHandler) {
    this.#name = name;
    this.#handler = handler;
    this.#packet = { buffer: this.buffer, start: 0, end: 0, wireLength: 0, linkType: -1, seconds: 0, nanoseconds: 0 };
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const length = Math.min(chunk.length - at, this.buffer.length - this.fill);
      this.buffer.set(chunk.subarray(at, at + length), this.fill);
      at += length;
      this.filled(length);
    }
  }

  filled(length: number): void {
    this.fill += length;
    this.#bytes += length;
    let at = 0;
    if (!this.#headerRead) {
      if (this.fill < fileHeaderLength) return;
      this.#readFileHeader();
      at = fileHeaderLength;
    }
    at = this.#readRecords(at);
    this.buffer.copyWithin(0, at, this.fill);
    this.fill -= at;
  }

  end(): PcapSummary {
    if (!this.#headerRead) {
      const what = this.#bytes === 0 ? 'is empty' : `has only ${this.#bytes} bytes, less than a pcap header`;
      throw captureError(`${this.#name} ${what}`, 'tcpdump wrote nothing: see its messages.');
    }
    return {
      linkType: this.#packet.linkType,
      packets: this.#packets,
      bytes: this.#bytes,
      firstPacketAt: this.#firstPacketAt,
      lastPacketAt: this.#lastPacketAt,
      truncated: this.fill > 0,
    };
  }

  #readFileHeader(): void {
    const magic = this.buffer.readUInt32LE(0);
    if (magic === 0x0a0d0d0a) {
      throw captureError(
        `${this.#name} is a pcapng file`,
        'Convert it with `tcpdump -r FILE -w NEW`, or capture with tcpdump.',
      );
    }
    const known = new Map<number, [littleEndian: boolean, nanosecondsPerFraction: number]>([
      [0xa1b2c3d4, [true, 1000]],
      [0xa1b23c4d, [true, 1]],
      [0xd4c3b2a1, [false, 1000]],
      [0x4d3cb2a1, [false, 1]],
    ]).get(magic);
    if (known === undefined) {
      throw captureError(
        `${this.#name} is not a pcap file: it starts with ${this.buffer.toString('hex', 0, 4)}`,
        'Expected a classic capture as `tcpdump -w` writes it.',
      );
    }
    [this.#littleEndian, this.#nanosecondsPerFraction] = known;
    // The upper bits carry flags about the frame check sequence.
    this.#packet.linkType = this.#uint32(20) & 0xffff;
    this.#headerRead = true;
  }

  #readRecords(from: number): number {
    const { fill } = this;
    const packet = this.#packet;
    let at = from;
    while (fill - at >= recordHeaderLength) {
      const length = this.#uint32(at + 8);
      if (length > maxRecordLength) {
        throw captureError(
          `${this.#name} is corrupt: packet ${this.#packets + 1} claims ${length} bytes`,
          'The file was damaged after or while it was written; capture again.',
        );
      }
      const start = at + recordHeaderLength;
      if (fill - start < length) break;
      packet.start = start;
      packet.end = start + length;
      packet.wireLength = Math.max(length, this.#uint32(at + 12));
      packet.seconds = this.#uint32(at);
      packet.nanoseconds = this.#uint32(at + 4) * this.#nanosecondsPerFraction;
      this.#lastPacketAt = packet.seconds * 1000 + packet.nanoseconds / 1_000_000;
      this.#firstPacketAt ??= this.#lastPacketAt;
      this.#packets++;
      this.#handler.onPacket(packet);
      at = start + length;
    }
    return at;
  }

  #uint32(at: number): number {
    return this.#littleEndian ? this.buffer.readUInt32LE(at) : this.buffer.readUInt32BE(at);
  }
}
