import { expect } from 'chai';
import fc from 'fast-check';
import { runCommand } from '../../../src/base/process.ts';
import { estimateOffset, measureClockOffset, type ClockSample } from '../../../src/kube/clock-offset.ts';
import type { ExecOptions, KubeClient } from '../../../src/kube/types.ts';

const pod = { namespace: 'a', name: 'p' };

/** What is seen of a clock that is ahead by `offsetMs`, over ways of these lengths, from true time `at`. */
function sample(at: number, offsetMs: number, thereMs: number, backMs: number, resolutionMs = 0): ClockSample {
  const remote = at + thereMs + offsetMs;
  return {
    sentAt: Math.floor(at),
    roundTripMs: thereMs + backMs,
    remoteAt: resolutionMs === 0 ? remote : Math.floor(remote / resolutionMs) * resolutionMs,
    resolutionMs,
  };
}

describe('the offset of a clock', () => {
  it('is the truth within its uncertainty, whichever way takes longer', () => {
    const ms = fc.double({ min: 0, max: 500, noNaN: true });
    const seen = fc.record({
      at: fc.double({ min: 1.7e12, max: 1.9e12, noNaN: true }),
      there: ms,
      back: ms,
      resolutionMs: fc.constantFrom(0, 1000),
    });
    fc.assert(
      fc.property(
        fc.array(seen, { minLength: 1, maxLength: 9 }),
        fc.double({ min: -1e7, max: 1e7, noNaN: true }),
        (all, offset) => {
          const found = estimateOffset(
            all.map((one) => sample(one.at, offset, one.there, one.back, one.resolutionMs)),
          )!;
          // Doubles of 1e12 have a step of 0.0002.
          expect(Math.abs(found.offsetMs - offset)).to.be.at.most(found.uncertaintyMs + 0.01);
        },
      ),
    );
  });

  it('is taken from the shortest round trip', () => {
    const found = estimateOffset([sample(1e12, 40, 90, 10), sample(1e12, 40, 2, 2), sample(1e12, 40, 0, 300)])!;
    expect(found).to.include({ roundTripMs: 4, samples: 3 });
    expect(found.offsetMs).to.be.closeTo(40, 1);
    expect(found.uncertaintyMs).to.equal(2.5);
  });

  it('prefers a fine answer over a quick one', () => {
    const found = estimateOffset([sample(1e12, 0, 1, 1, 1000), sample(1e12, 0, 20, 20)])!;
    expect(found.roundTripMs).to.equal(40);
  });

  it('is unknown without a sample', () => {
    expect(estimateOffset([])).to.equal(undefined);
  });
});

describe('measuring the offset of a clock', () => {
  /** A container whose shell is this machine's, and whose answers pass through `change`. */
  const kubeWith = (change: (line: string) => string): KubeClient =>
    ({
      exec: async (_pod: unknown, argv: string[], { stdin, stdout }: ExecOptions) => {
        for await (const piece of stdin as AsyncIterable<string>) {
          const run = await runCommand(argv, { input: piece });
          stdout?.write(Buffer.from(change(run.stdout)));
        }
        return { stdout: '', stderr: '', exitCode: 0 };
      },
    }) as unknown as KubeClient;
  const shell = ['sh'];
  const shift = (ms: number) => (line: string) => `${(Number(line) + ms / 1000).toFixed(6)}\n`;

  it('finds none against itself, and what was put in', async () => {
    for (const offset of [0, 1500, -250]) {
      const found = await measureClockOffset(kubeWith(shift(offset)), pod, 'c', { shell, samples: 3 });
      expect(Math.abs(found.offsetMs - offset)).to.be.at.most(found.uncertaintyMs + 0.1);
      expect(found.samples).to.equal(3);
    }
  });

  it('knows whole seconds for what they are', async () => {
    const found = await measureClockOffset(
      kubeWith((line) => `${Math.floor(Number(line))}\n`),
      pod,
      'c',
      { shell },
    );
    expect(found.uncertaintyMs).to.be.greaterThan(500);
    expect(Math.abs(found.offsetMs)).to.be.at.most(found.uncertaintyMs);
  });

  it('does not take any answer for a time', async () => {
    const error = await measureClockOffset(
      kubeWith(() => 'sh: date: not found\n'),
      pod,
      'c',
      { shell },
    ).then(
      () => expect.fail('it did not throw'),
      (thrown: unknown) => thrown,
    );
    expect(error).to.include({ code: 'MESHPROOF_KUBE_API' });
    expect(String(error)).to.contain('date: not found');
  });
});
