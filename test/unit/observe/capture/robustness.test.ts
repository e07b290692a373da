import { expect } from 'chai';
import fc from 'fast-check';
import { readdirSync } from 'node:fs';
import { MeshproofError } from '../../../../src/base/errors.ts';
import { tcpFlags } from '../../../../src/observe/capture/tcp-segment.ts';
import type { WireProof } from '../../../../src/observe/capture/wire.ts';
import {
  conversation,
  edgeOf,
  fixturePath,
  invariantHolds,
  openingFrames,
  pcapOf,
  prove,
  readFixture,
  record,
  streamsOf,
  tcpFrame,
} from './support.ts';

const names = readdirSync(fixturePath('.')).filter((name) => name.endsWith('.pcap'));
const captures = names.map((name) => ({ name, bytes: readFixture(name) }));
const anyCapture = fc.constantFrom(...captures);

/** A proof, or undefined where the reader refused the file as it must: any other error fails the test. */
async function tryToProve(bytes: Buffer, name: string): Promise<WireProof | undefined> {
  try {
    return await prove(bytes, edgeOf(name));
  } catch (error) {
    expect(error).to.be.instanceOf(MeshproofError);
    expect((error as MeshproofError).code).to.equal('MESHPROOF_CAPTURE');
    return undefined;
  }
}

type Streams = Record<'client' | 'server', Buffer>;
interface Cut {
  side: 'client' | 'server';
  from: number;
  to: number;
}

/** Segments that cover both streams wholly, with overlaps and repeats, in any order. */
function anyCutting(streams: Streams): fc.Arbitrary<Cut[]> {
  const cutsOf = (side: 'client' | 'server'): fc.Arbitrary<Cut[]> => {
    const { length } = streams[side];
    const inside = fc.integer({ min: 0, max: length });
    return fc
      .tuple(fc.array(inside, { maxLength: 30 }), fc.array(fc.tuple(inside, inside), { maxLength: 10 }))
      .map(([points, extra]) => {
        const borders = [...new Set([0, ...points, length])].sort((a, b) => a - b);
        const pieces = borders.slice(1).map((to, index) => ({ side, from: borders[index]!, to }));
        return [...pieces, ...extra.map(([a, b]) => ({ side, from: Math.min(a, b), to: Math.max(a, b) }))];
      });
  };
  return fc
    .tuple(cutsOf('client'), cutsOf('server'))
    .chain(([client, server]) =>
      fc.shuffledSubarray([...client, ...server], { minLength: client.length + server.length }),
    );
}

function framesOf(streams: Streams, cuts: Cut[], starts: Record<'client' | 'server', number>): Buffer[] {
  return [
    ...openingFrames(starts.client, starts.server),
    ...cuts.map(({ side, from, to }) =>
      tcpFrame({ from: side, sequence: starts[side] + 1 + from, payload: streams[side].subarray(from, to) }),
    ),
    ...(['client', 'server'] as const).map((side) =>
      tcpFrame({ from: side, sequence: starts[side] + 1 + streams[side].length, flags: tcpFlags.fin }),
    ),
  ];
}

describe('captures as they come from a bad world', () => {
  for (const name of [
    'tls12-mutual-any.pcap',
    'tls13-hello-retry.pcap',
    'http-planted-token.pcap',
    'tls12-then-plaintext.pcap',
    'postgres-plaintext.pcap',
  ]) {
    it(`${name}: cut, repeated, overlapped and reordered segments change nothing`, async () => {
      const streams = await streamsOf(name);
      const expected = await prove(pcapOf(conversation(streams.client, streams.server)));
      expect(expected.unclassifiedBytes).to.equal(0);
      const sequence = fc.integer({ min: 0, max: 0xffffffff });
      await fc.assert(
        fc.asyncProperty(anyCutting(streams), sequence, sequence, async (cuts, client, server) => {
          const proof = await prove(pcapOf(framesOf(streams, cuts, { client, server })));
          expect({ ...proof, packets: 0 }).to.deep.equal({ ...expected, packets: 0 });
        }),
        { numRuns: 60 },
      );
    });
  }

  it('a lost segment makes the proof doubtful, whichever it is', async () => {
    const streams = await streamsOf('tls12-mutual-any.pcap');
    await fc.assert(
      fc.asyncProperty(anyCutting(streams), fc.nat(), async (cuts, choice) => {
        const covered = (cut: Cut): boolean =>
          cut.from === cut.to ||
          cuts.some((other) => other !== cut && other.side === cut.side && other.from < cut.to && other.to > cut.from);
        const candidates = cuts.filter((cut) => !covered(cut));
        fc.pre(candidates.length > 0);
        const lost = candidates[choice % candidates.length]!;
        const frames = framesOf(
          streams,
          cuts.filter((cut) => cut !== lost),
          { client: 5, server: 9 },
        );
        const proof = await prove(pcapOf(frames));
        expect(proof.unclassifiedBytes).to.be.at.least(lost.to - lost.from);
        expect(proof.payloadBytes).to.equal(streams.client.length + streams.server.length);
      }),
      { numRuns: 100 },
    );
  });

  it('a cut file is refused or reported as cut, and the invariant holds', async () => {
    await fc.assert(
      fc.asyncProperty(anyCapture, fc.nat(), async ({ name, bytes }, cut) => {
        const length = cut % bytes.length;
        const proof = await tryToProve(bytes.subarray(0, length), name);
        if (length < 24) expect(proof).to.equal(undefined);
        else expect(invariantHolds(proof!)).to.equal(true);
        const whole = await prove(bytes, edgeOf(name));
        if (proof !== undefined && proof.packets === whole.packets) expect(proof.fileTruncated).to.equal(true);
      }),
      { numRuns: 200 },
    );
  });

  it('flipped bits give a proof whose sums add up, or a clear refusal', async () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 7 })), { minLength: 1, maxLength: 20 });
    let proofs = 0;
    await fc.assert(
      fc.asyncProperty(anyCapture, flips, async ({ name, bytes }, changes) => {
        const damaged = Buffer.from(bytes);
        for (const [at, bit] of changes) damaged[at % damaged.length]! ^= 1 << bit;
        const proof = await tryToProve(damaged, name);
        if (proof === undefined) return;
        proofs++;
        expect(invariantHolds(proof)).to.equal(true);
      }),
      { numRuns: 600 },
    );
    expect(proofs).to.be.greaterThan(300);
  });

  it('any bytes at all in a stream are classified, and add up', async () => {
    const recordish = fc
      .tuple(fc.constantFrom(20, 21, 22, 23), fc.uint8Array({ maxLength: 60 }))
      .map(([type, body]) => record(type, Buffer.from(body)));
    const bytes = fc.array(
      fc.oneof(
        recordish,
        fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw)),
      ),
      { maxLength: 8 },
    );
    const hello = (await streamsOf('tls12-mutual-any.pcap')).client.subarray(0, 386);
    await fc.assert(
      fc.asyncProperty(bytes, bytes, fc.boolean(), async (one, two, withHello) => {
        const client = Buffer.concat([...(withHello ? [hello] : []), ...one]);
        const server = Buffer.concat(two);
        const proof = await prove(pcapOf(conversation(client, server)));
        expect(invariantHolds(proof)).to.equal(true);
        expect(proof.payloadBytes).to.equal(client.length + server.length);
      }),
      { numRuns: 300 },
    );
  });

  it('any bytes after a pcap header are read or refused', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 400 }),
        fc.constantFrom(1, 101, 113, 276),
        async (bytes, linkType) => {
          await tryToProve(Buffer.concat([pcapOf([], { linkType }), bytes]), '');
          await tryToProve(pcapOf([Buffer.from(bytes)], { linkType }), '');
        },
      ),
      { numRuns: 300 },
    );
  });
});
