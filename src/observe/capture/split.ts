import { openWhole } from '../../base/whole-file.ts';
import { AddressPairs } from './address-pairs.ts';
import { captureError } from './capture-error.ts';
import { ipOffset } from './link-layer.ts';
import { readPcap, type PcapPacket } from './pcap-reader.ts';
import { decodeIp, emptySegment } from './tcp-segment.ts';
import type { WireEdge } from './wire.ts';

export interface SplitResult {
  packets: number;
  /** One of the sources was cut; the result is then cut too, so that its proof says so. */
  truncated: boolean;
}

/**
 * Writes the TCP packets of one edge from several captures (one per replica) into one file of nanosecond pcap, in the order
 * of the sources: a connection must be whole in one of them.
 *
 * @throws MeshproofError MESHPROOF_CAPTURE if a source is damaged, or the link types differ; MESHPROOF_DISK_FULL. Nothing is
 * left then.
 */
export async function splitCapture(
  sources: readonly string[],
  target: string,
  edge: Pick<WireEdge, 'sourceIps' | 'destinationIps'>,
): Promise<SplitResult> {
  const pairs = new AddressPairs<true>();
  for (const source of edge.sourceIps)
    for (const destination of edge.destinationIps) pairs.set(source, destination, true);
  const segment = emptySegment();
  await using out = await openWhole(target);
  const result: SplitResult = { packets: 0, truncated: false };
  let linkType: number | undefined;
  const header = (type: number): void => {
    if (linkType === undefined) out.write(fileHeader(type));
    else if (linkType !== type) {
      throw captureError(
        `Captures of link types ${linkType} and ${type} cannot be joined`,
        'Capture every pod the same way.',
      );
    }
    linkType = type;
  };
  for (const source of sources) {
    const summary = await readPcap(source, {
      onPacket(packet) {
        const { buffer, start, end } = packet;
        const at = ipOffset(packet.linkType, buffer, start, end);
        if (at < 0 || decodeIp(buffer, at, end, start + packet.wireLength, segment) === 'other') return;
        if (pairs.get(segment, buffer) === undefined) return;
        header(packet.linkType);
        out.write(record(packet));
        result.packets++;
      },
      onChunk: () => out.drained(),
    });
    header(summary.linkType);
    result.truncated ||= summary.truncated;
  }
  if (linkType === undefined) out.write(fileHeader(1));
  if (result.truncated) out.write(Buffer.from([0]));
  await out.commit();
  return result;
}

function fileHeader(linkType: number): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b23c4d, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262_144, 16);
  header.writeUInt32LE(linkType, 20);
  return header;
}

function record({ buffer, start, end, wireLength, seconds, nanoseconds }: PcapPacket): Buffer {
  const copy = Buffer.allocUnsafe(16 + end - start);
  copy.writeUInt32LE(seconds, 0);
  copy.writeUInt32LE(nanoseconds >>> 0, 4);
  copy.writeUInt32LE(end - start, 8);
  copy.writeUInt32LE(wireLength, 12);
  buffer.copy(copy, 16, start, end);
  return copy;
}
