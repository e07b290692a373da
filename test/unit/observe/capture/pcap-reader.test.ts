import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeshproofError } from '../../../../src/base/errors.ts';
import { readPcap, type PcapSource } from '../../../../src/observe/capture/pcap-reader.ts';
import { chunksOf, fixturePath, pcapOf, prove, readFixture, tcpFrame } from './support.ts';

async function failure(source: PcapSource): Promise<MeshproofError> {
  try {
    await readPcap(source, { onPacket: () => {} });
  } catch (error) {
    if (error instanceof MeshproofError) return error;
    throw error;
  }
  throw new Error('no error');
}

describe('pcap reader', () => {
  it('gives the same packets from a file and from a stream in pieces of any size', async () => {
    const bytes = readFixture('tls12-mutual.pcap');
    const read = async (source: PcapSource): Promise<unknown[]> => {
      const packets: unknown[] = [];
      const summary = await readPcap(source, {
        onPacket: ({ buffer, start, end, wireLength, seconds, nanoseconds }) =>
          packets.push([buffer.toString('hex', start, end), wireLength, seconds, nanoseconds]),
      });
      return [...packets, summary];
    };
    const fromFile = await read(fixturePath('tls12-mutual.pcap'));
    expect(fromFile).to.have.length(31);
    for (const size of [1, 7, 16, 24, 1000, bytes.length])
      expect(await read(chunksOf(bytes, size))).to.deep.equal(fromFile);
  });

  it('reads the time in both units', async () => {
    for (const nanoseconds of [false, true]) {
      const frames = [tcpFrame({ from: 'client', sequence: 1 }), tcpFrame({ from: 'client', sequence: 1 })];
      const summary = await readPcap(chunksOf(pcapOf(frames, { nanoseconds }), 100), { onPacket: () => {} });
      expect(summary.firstPacketAt).to.equal(1_700_000_000_000);
      expect(summary.lastPacketAt).to.be.closeTo(1_700_000_000_000 + (nanoseconds ? 1e-6 : 1e-3), 5e-4);
    }
  });

  it('takes a cut end as cut, and the proof says so', async () => {
    const bytes = readFixture('http-planted-token.pcap');
    const summary = await readPcap(chunksOf(bytes.subarray(0, bytes.length - 1), 64), { onPacket: () => {} });
    expect(summary).to.include({ truncated: true, packets: 9 });
    expect((await prove(bytes.subarray(0, bytes.length - 1))).fileTruncated).to.equal(true);
    expect((await prove(bytes)).fileTruncated).to.equal(false);
  });

  it('refuses what is not a capture, with a code and a hint', async () => {
    const cases: [Buffer, RegExp][] = [
      [Buffer.alloc(0), /is empty/],
      [Buffer.alloc(23), /only 23 bytes/],
      [Buffer.from('{"this":"is no capture, but JSON"}'), /not a pcap file: it starts with 7b227468/],
      [Buffer.concat([Buffer.from([0x0a, 0x0d, 0x0d, 0x0a]), Buffer.alloc(60)]), /pcapng/],
      [Buffer.concat([pcapOf([]), Buffer.alloc(16, 0xff)]), /corrupt: packet 1 claims 4294967295 bytes/],
    ];
    for (const [bytes, message] of cases) {
      const error = await failure(chunksOf(bytes, 1000));
      expect(error.code).to.equal('MESHPROOF_CAPTURE');
      expect(error.message).to.match(message);
      expect(error.hint).not.to.equal('');
    }
  });

  it('names a file that is not there, or is no file', async () => {
    for (const path of [join(tmpdir(), 'meshproof-no-such.pcap'), tmpdir()]) {
      const error = await failure(path);
      expect(error.code).to.equal('MESHPROOF_CAPTURE');
      expect(error.message).to.include(path);
    }
  });

  it('names the file that is damaged', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshproof-test-'));
    try {
      const path = join(folder, 'damaged.pcap');
      await writeFile(path, 'short');
      expect((await failure(path)).message).to.include(path);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('refuses a link type it does not know', async () => {
    const bytes = pcapOf([tcpFrame({ from: 'client', sequence: 1 })], { linkType: 127 });
    const error = await prove(bytes).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(MeshproofError);
    expect((error as MeshproofError).message).to.include('Link type 127');
  });
});
