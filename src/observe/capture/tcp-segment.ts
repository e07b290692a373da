/** One TCP segment as decoded in place; a single object is filled again for each packet, so that nothing is allocated. */
export interface Segment {
  version: 4 | 6;
  /** Offsets of the addresses in the buffer, 4 or 16 bytes each. */
  sourceAt: number;
  destinationAt: number;
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  acknowledgement: number;
  flags: number;
  payloadStart: number;
  payloadEnd: number;
  /** Payload bytes that were on the wire but not captured (snap length). */
  missing: number;
}

export function emptySegment(): Segment {
  return {
    version: 4,
    sourceAt: 0,
    destinationAt: 0,
    sourcePort: 0,
    destinationPort: 0,
    sequence: 0,
    acknowledgement: 0,
    flags: 0,
    payloadStart: 0,
    payloadEnd: 0,
    missing: 0,
  };
}

export const tcpFlags = { fin: 0x01, syn: 0x02, rst: 0x04, ack: 0x10 } as const;

/**
 * `tcp`: all fields are valid. `part`: TCP, but an IP fragment or cut before the end of its TCP header; the addresses
 * and payloadStart, payloadEnd and missing (what can be said of payload at best) are valid. `other`: not TCP.
 */
export type Decoded = 'tcp' | 'part' | 'other';

const protocolTcp = 6;
/** IPv6 extension headers that share the layout "next header, length in 8 octets" (RFC 8200, 6275, 7401, 5533). */
const extensionHeaders = [0, 43, 60, 135, 139, 140];
const fragmentHeader = 44;
const authenticationHeader = 51;

/** Decodes the IP packet at `at`; `wireEnd` is where it would end had the snap length not cut it. */
export function decodeIp(buffer: Buffer, at: number, end: number, wireEnd: number, out: Segment): Decoded {
  const version = (buffer[at] ?? 0) >> 4;
  if (version === 4) return decodeIpv4(buffer, at, end, wireEnd, out);
  if (version === 6) return decodeIpv6(buffer, at, end, wireEnd, out);
  return 'other';
}

function decodeIpv4(buffer: Buffer, at: number, end: number, wireEnd: number, out: Segment): Decoded {
  if (end - at < 20 || buffer[at + 9] !== protocolTcp) return 'other';
  const headerLength = ((buffer[at] ?? 0) & 0x0f) * 4;
  if (headerLength < 20) return 'other';
  out.version = 4;
  out.sourceAt = at + 12;
  out.destinationAt = at + 16;
  const totalLength = buffer.readUInt16BE(at + 2);
  // Zero: a packet bigger than 64 KiB (BIG TCP) whose length the kernel fills in later. Otherwise Ethernet padding is left out.
  const packetEnd = totalLength === 0 ? wireEnd : Math.min(wireEnd, at + totalLength);
  const fragment = buffer.readUInt16BE(at + 6) & 0x3fff;
  if (fragment !== 0) return part(out, at + headerLength, end, packetEnd);
  return decodeTcp(buffer, at + headerLength, end, packetEnd, out);
}

function decodeIpv6(buffer: Buffer, at: number, end: number, wireEnd: number, out: Segment): Decoded {
  if (end - at < 40) return 'other';
  out.version = 6;
  out.sourceAt = at + 8;
  out.destinationAt = at + 24;
  const payloadLength = buffer.readUInt16BE(at + 4);
  const packetEnd = payloadLength === 0 ? wireEnd : Math.min(wireEnd, at + 40 + payloadLength);
  let next = buffer[at + 6] ?? 0;
  let header = at + 40;
  while (next !== protocolTcp) {
    if (header + 8 > end) return 'other';
    const following = buffer[header] ?? 0;
    if (next === fragmentHeader) {
      // All but the "atomic" fragment (offset 0, no more) are pieces of a packet.
      if ((buffer.readUInt16BE(header + 2) & 0xfff9) !== 0) {
        return following === protocolTcp ? part(out, header + 8, end, packetEnd) : 'other';
      }
      header += 8;
    } else if (next === authenticationHeader) header += ((buffer[header + 1] ?? 0) + 2) * 4;
    else if (extensionHeaders.includes(next)) header += ((buffer[header + 1] ?? 0) + 1) * 8;
    else return 'other';
    next = following;
  }
  return decodeTcp(buffer, header, end, packetEnd, out);
}

function decodeTcp(buffer: Buffer, at: number, end: number, packetEnd: number, out: Segment): Decoded {
  if (end - at < 20) return part(out, at, end, packetEnd);
  out.sourcePort = buffer.readUInt16BE(at);
  out.destinationPort = buffer.readUInt16BE(at + 2);
  out.sequence = buffer.readUInt32BE(at + 4);
  out.acknowledgement = buffer.readUInt32BE(at + 8);
  out.flags = buffer[at + 13] ?? 0;
  const headerLength = ((buffer[at + 12] ?? 0) >> 4) * 4;
  if (headerLength < 20) return part(out, at, end, packetEnd);
  setPayload(out, at + headerLength, end, packetEnd);
  return 'tcp';
}

function part(out: Segment, at: number, end: number, packetEnd: number): Decoded {
  setPayload(out, at, end, packetEnd);
  return 'part';
}

function setPayload(out: Segment, at: number, end: number, packetEnd: number): void {
  const wireLength = Math.max(0, packetEnd - at);
  const captured = Math.max(0, Math.min(end, packetEnd) - at);
  out.payloadStart = at;
  out.payloadEnd = at + captured;
  out.missing = wireLength - captured;
}
