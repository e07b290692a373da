import { expect } from 'chai';
import { judgeWire } from '../../../../src/observe/capture/judge-wire.ts';
import {
  ipv4Packet,
  plantedToken,
  conversation,
  ethernet,
  ipPacketsOf,
  openingFrames,
  pcapOf,
  prove,
  readFixture,
  type PcapFormat,
} from './support.ts';

/** Puts a tag of this type and number between addresses and type. */
function tagged(frame: Buffer, ...tags: [type: number, vlan: number][]): Buffer {
  const bytes = tags.flatMap(([type, vlan]) => [type >> 8, type & 0xff, vlan >> 8, vlan & 0xff]);
  return Buffer.concat([frame.subarray(0, 12), Buffer.from(bytes), frame.subarray(12)]);
}

function cooked(ip: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt16BE(0x0800, 14);
  return Buffer.concat([header, ip]);
}

function cookedV2(ip: Buffer): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt16BE(0x0800, 0);
  return Buffer.concat([header, ip]);
}

/** A datagram in front, as an extension header of this kind. */
function withExtension(ip: Buffer, kind: number, extension: Buffer): Buffer {
  const header = Buffer.from(ip.subarray(0, 40));
  header.writeUInt16BE(header.readUInt16BE(4) + extension.length, 4);
  extension[0] = header[6]!;
  header[6] = kind;
  return Buffer.concat([header, extension, ip.subarray(40)]);
}

describe('frames around the same packets give the same proof', () => {
  const wrappings: Record<string, [wrap: (ip: Buffer) => Buffer, format: PcapFormat]> = {
    'Ethernet, big-endian': [ethernet, { bigEndian: true }],
    'Ethernet, nanoseconds': [ethernet, { nanoseconds: true }],
    'Ethernet, big-endian nanoseconds': [ethernet, { bigEndian: true, nanoseconds: true }],
    'Ethernet with padding': [(ip) => Buffer.concat([ethernet(ip), Buffer.from('GET / padding')]), {}],
    VLAN: [(ip) => tagged(ethernet(ip), [0x8100, 5]), {}],
    QinQ: [(ip) => tagged(ethernet(ip), [0x88a8, 7], [0x8100, 5]), {}],
    LINUX_SLL: [cooked, { linkType: 113 }],
    LINUX_SLL2: [cookedV2, { linkType: 276 }],
    'RAW (101)': [(ip) => ip, { linkType: 101 }],
    'RAW (12)': [(ip) => ip, { linkType: 12 }],
  };

  for (const [name, [wrap, format]] of Object.entries(wrappings)) {
    it(name, async () => {
      for (const fixture of ['tls12-mutual.pcap', 'http-planted-token.pcap']) {
        const frames = (await ipPacketsOf(fixture)).map(wrap);
        expect(await prove(pcapOf(frames, format))).to.deep.equal(await prove(readFixture(fixture)));
      }
    });
  }

  it('IPv4 options', async () => {
    const request = Buffer.from(`GET /${plantedToken} HTTP/1.1\r\n\r\n`);
    const frame = ethernet(ipv4Packet({ from: 'client', sequence: 1001, payload: request }, Buffer.from([1, 1, 1, 0])));
    const proof = await prove(pcapOf([...openingFrames(), frame]));
    expect(proof).to.include({ plaintextBytes: request.length, canarySeen: true });
  });

  it('IPv6 extension headers', async () => {
    const name = 'tls12-mutual-ipv6.pcap';
    const edge = {
      source: 'a',
      destination: 'b',
      sourceIps: ['fd09::1'],
      destinationIps: ['fd09:0::0:2'],
      side: 'server' as const,
    };
    const wrap = (ip: Buffer): Buffer => {
      const hopByHop = Buffer.from([0, 1, ...Array<number>(14).fill(0)]);
      const atomicFragment = Buffer.from([0, 0, 0, 0, 1, 2, 3, 4]);
      return ethernet(withExtension(withExtension(ip, 44, atomicFragment), 0, hopByHop));
    };
    const proof = await prove(pcapOf((await ipPacketsOf(name)).map(wrap)), edge);
    expect(proof).to.deep.equal(await prove(readFixture(name), edge));
    expect(proof).to.include({ handshakeSeen: true, tlsBytes: 7579 });
  });

  it('an IPv6 fragment is unclassified', async () => {
    const edge = {
      source: 'a',
      destination: 'b',
      sourceIps: ['fd09::1'],
      destinationIps: ['fd09::2'],
      side: 'server' as const,
    };
    const [first] = (await ipPacketsOf('http-planted-token-ipv6.pcap')).filter((ip) => ip.length > 100);
    const proof = await prove(
      pcapOf([ethernet(withExtension(first!, 44, Buffer.from([0, 0, 0, 1, 1, 2, 3, 4])))]),
      edge,
    );
    expect(proof.unclassifiedBytes).to.be.greaterThan(0);
    expect(proof).to.include({ plaintextBytes: 0, canarySeen: true });
  });

  it('an IPv4 fragment is unclassified, and its planted token is seen all the same', async () => {
    const fragment = ipv4Packet(
      { from: 'client', sequence: 1001, payload: Buffer.from(plantedToken) },
      Buffer.alloc(0),
      0x2000,
    );
    const proof = await prove(pcapOf([...openingFrames(), ethernet(fragment)]));
    expect(proof.unclassifiedBytes).to.equal(20 + plantedToken.length);
    expect(proof.canarySeen).to.equal(true);
    expect(judgeWire(proof, { expectTls: false }).status).to.equal('invalid');
  });

  it('frames without IP, without TCP or too short are passed over', async () => {
    const arp = Buffer.alloc(42);
    arp.writeUInt16BE(0x0806, 12);
    const udp = ipv4Packet({ from: 'client', sequence: 0 });
    udp[9] = 17;
    const frames = [
      arp,
      ethernet(udp),
      Buffer.alloc(0),
      Buffer.alloc(13),
      ...conversation(Buffer.from('GET / HTTP/1.0\r\n\r\n'), Buffer.alloc(0)),
    ];
    expect(await prove(pcapOf(frames))).to.include({ packets: 6, plaintextBytes: 18, unclassifiedBytes: 0 });
  });
});
