import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { splitCapture } from '../../../../src/observe/capture/split.ts';
import { edgeOf, fixturePath, openingFrames, pcapOf, prove, readFixture } from './support.ts';

describe('splitCapture', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshproof-test-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('keeps the edge and drops the rest: the proof stays the same', async () => {
    const target = join(folder, 'edge.pcap');
    const sources = [fixturePath('tls12-mutual.pcap'), fixturePath('tls12-mutual-ipv6.pcap')];
    expect(await splitCapture(sources, target, edgeOf())).to.deep.equal({ packets: 30, truncated: false });
    expect(await prove(target)).to.deep.equal(await prove(sources[0]!));
    expect(await prove(target, edgeOf('ipv6'))).to.include({ packets: 0 });
  });

  it('joins what several replicas saw', async () => {
    const target = join(folder, 'joined.pcap');
    await splitCapture([fixturePath('tls12-one-way.pcap'), fixturePath('http-planted-token.pcap')], target, edgeOf());
    expect(await prove(target)).to.include({ connections: 2, plaintextBytes: 276, tlsBytes: 6101, canarySeen: true });
  });

  it('keeps a cut visible', async () => {
    const bytes = readFixture('http-planted-token.pcap');
    const cut = join(folder, 'cut.pcap');
    await writeFile(cut, bytes.subarray(0, bytes.length - 3));
    const target = join(folder, 'edge.pcap');
    expect((await splitCapture([cut, fixturePath('http-plaintext.pcap')], target, edgeOf())).truncated).to.equal(true);
    expect((await prove(target)).fileTruncated).to.equal(true);
  });

  it('writes a readable file when there is nothing, and refuses to mix link types', async () => {
    const target = join(folder, 'none.pcap');
    expect(await splitCapture([], target, edgeOf())).to.deep.equal({ packets: 0, truncated: false });
    expect(await prove(target)).to.include({ packets: 0 });
    const sources = [fixturePath('tls12-mutual.pcap'), fixturePath('tls12-mutual-any.pcap')];
    const error = await splitCapture(sources, target, edgeOf()).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.include({ code: 'MESHPROOF_CAPTURE' });
  });

  it('passes a big capture through without holding it', async () => {
    const big = join(folder, 'big.pcap');
    const frame = openingFrames()[0]!;
    await writeFile(big, pcapOf(Array.from({ length: 20_000 }, () => frame)));
    expect(await splitCapture([big], join(folder, 'edge.pcap'), edgeOf())).to.deep.equal({
      packets: 20_000,
      truncated: false,
    });
  });
});
