import { expect } from 'chai';
import { MeshproofError } from '../../../src/base/errors.ts';
import type { Clock } from '../../../src/base/clock.ts';
import { answeredOrStuck } from '../../../src/lab/answered-or-stuck.ts';
import type { StartFinding } from '../../../src/observe/diagnosis/finding.ts';

const finding = (pod: string): StartFinding => ({
  service: 'trips',
  pod,
  edge: 'trips -> postgres',
  cause: 'policy',
  observed: 'x',
  evidence: [],
});

/** Never waits: each look follows the one before. */
const clock: Clock = { now: () => 0, monotonicMs: () => 0, sleep: () => Promise.resolve() };

describe('waiting for an app that comes up', () => {
  /** `up`: what has come up at each look; afterwards the app answers, or fails with `end`. */
  const wait = async (up: number[], diagnoses: StartFinding[][] = [], end?: Error) => {
    let gaveUp = false;
    let looks = 0;
    let diagnosed = 0;
    let resolve!: () => void;
    let reject!: (error: Error) => void;
    const promise = new Promise<void>((...ends) => ([resolve, reject] = ends));
    const result = await answeredOrStuck({
      answering(signal) {
        signal.addEventListener('abort', () => {
          gaveUp = true;
          reject(new Error('nobody waits any more'));
        });
        return promise;
      },
      async progress() {
        const now = up[looks++]!;
        if (looks === up.length) {
          if (end) reject(end);
          else resolve();
        }
        return now;
      },
      diagnose: async () => diagnoses[diagnosed++] ?? [],
      clock,
      signal: new AbortController().signal,
    });
    return { result, diagnosed, gaveUp };
  };

  it('diagnoses nobody while something still comes up, however long that takes', async () => {
    const up = Array.from({ length: 60 }, (_, look) => look);
    expect(await wait(up)).to.deep.equal({ result: [], diagnosed: 0, gaveUp: false });
  });

  it('ends with what two diagnoses in a row have found', async () => {
    const found = await wait([3, 3, 3, 3, 3], [[finding('a'), finding('b')], [finding('b')]]);
    expect(found).to.deep.equal({ result: [finding('b')], diagnosed: 2, gaveUp: true });
  });

  it('forgets what a diagnosis found when something came up after it', async () => {
    const found = await wait([3, 3, 4, 4, 4], [[finding('a')], [finding('b')], []]);
    expect(found).to.deep.equal({ result: [], diagnosed: 3, gaveUp: false });
    const same = await wait([3, 3, 4, 4, 4, 4], [[finding('a')], [finding('a')], [finding('a')]]);
    expect(same).to.include({ diagnosed: 3, gaveUp: true });
  });

  it('does not take what falls back and comes again, as a program that crashes does, for progress', async () => {
    const found = await wait([3, 2, 3, 2, 3], [[finding('a')], [finding('a')]]);
    expect(found).to.include({ diagnosed: 2, gaveUp: true });
  });

  it('fails as the app does that comes up no more', async () => {
    const end = new MeshproofError('MESHPROOF_POD_CRASHED', 'crashed', 'x');
    expect(await wait([1, 2], [], end).catch((error: unknown) => error)).to.equal(end);
  });
});
