import { captureError } from './capture-error.ts';

/** Link types that are understood, https://www.tcpdump.org/linktypes.html. 12 is RAW as some systems number it. */
const linkTypes = { ethernet: 1, rawBsd: 12, raw: 101, linuxSll: 113, ipv4: 228, ipv6: 229, linuxSll2: 276 } as const;

const etherIpv4 = 0x0800;
const etherIpv6 = 0x86dd;
/** 802.1Q, 802.1ad (QinQ) and the older QinQ numbers. */
const vlanTypes = [0x8100, 0x88a8, 0x9100, 0x9200];

/**
 * Where the IP header starts in a frame, or -1 if the frame carries no IP (ARP, LLDP …) or is too short.
 *
 * @throws MeshproofError MESHPROOF_CAPTURE for a link type that is not understood.
 */
export function ipOffset(linkType: number, buffer: Buffer, start: number, end: number): number {
  switch (linkType) {
    case linkTypes.ethernet:
      return afterEtherType(buffer, start + 12, end);
    case linkTypes.linuxSll:
      return afterEtherType(buffer, start + 14, end);
    case linkTypes.linuxSll2:
      return end - start < 20 ? -1 : afterEtherType(buffer, start, end, start + 20);
    case linkTypes.raw:
    case linkTypes.rawBsd:
    case linkTypes.ipv4:
    case linkTypes.ipv6:
      return start < end ? start : -1;
    default:
      throw captureError(
        `Link type ${linkType} of the capture is not understood`,
        'Capture on an Ethernet interface such as eth0, or with `-i any`.',
      );
  }
}

/** Reads the type at `at`, walks through VLAN tags; the payload follows the type, or starts at `payload` (SLL2). */
function afterEtherType(buffer: Buffer, at: number, end: number, payload = at + 2): number {
  if (at + 2 > end) return -1;
  let type = buffer.readUInt16BE(at);
  let next = payload;
  while (vlanTypes.includes(type)) {
    if (next + 4 > end) return -1;
    type = buffer.readUInt16BE(next + 2);
    next += 4;
  }
  return (type === etherIpv4 || type === etherIpv6) && next < end ? next : -1;
}
