import { expect } from 'chai';
import { MeshproofError, toMeshproofError } from '../../../src/base/errors.ts';
import { pollUntil } from '../../../src/base/poll.ts';
import { parseDuration } from '../../../src/cli/options.ts';

/** A clock whose sleeps pass at once. */
const fastClock = () => {
  let now = 0;
  return { now: () => now, monotonicMs: () => now, sleep: async (ms: number) => void (now += ms) };
};

async function failure(work: Promise<unknown>): Promise<MeshproofError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(MeshproofError);
  return error as MeshproofError;
}

describe('pollUntil', () => {
  it('names owner, budget and the last reason at the deadline', async () => {
    let looks = 0;
    const error = await failure(
      pollUntil(async () => ({ pending: `look ${++looks}` }), {
        what: 'the thing',
        timeoutMs: 300,
        clock: fastClock(),
      }),
    );
    expect(error.message).to.equal('the thing: not there after 0.3 s: look 4');
    expect(error).to.include({ code: 'MESHPROOF_TIMEOUT', exitCode: 3 });
  });

  it('counts a throw as not yet, but a MeshproofError ends it at once', async () => {
    let looks = 0;
    const look = async (): Promise<{ ready: number }> => {
      if (++looks < 3) throw new Error('not yet');
      return { ready: looks };
    };
    expect(await pollUntil(look, { what: 'x', timeoutMs: 1000, clock: fastClock() })).to.equal(3);
    const hopeless = new MeshproofError('MESHPROOF_POD_CRASHED', 'crashed', 'look');
    const error = await failure(
      pollUntil(() => Promise.reject(hopeless), { what: 'x', timeoutMs: 1000, clock: fastClock() }),
    );
    expect(error).to.equal(hopeless);
  });

  it('stops when aborted', async () => {
    const reason = new MeshproofError('MESHPROOF_INTERRUPTED', 'Ctrl-C', '');
    const error = await failure(
      pollUntil(async () => ({ pending: '' }), { what: 'x', timeoutMs: 1000, signal: AbortSignal.abort(reason) }),
    );
    expect(error).to.equal(reason);
  });
});

describe('errors', () => {
  it('of unknown kind ask for a bug report and keep their cause', () => {
    const cause = new TypeError('x is undefined');
    expect(toMeshproofError(cause)).to.include({ code: 'MESHPROOF_INTERNAL', exitCode: 3, cause });
  });

  it('of a scope that also failed to clean up name both, the first one first', async () => {
    const first = new MeshproofError('MESHPROOF_MESH_API', 'refused', 'look');
    const leave = async (onTheWayOut: Error): Promise<never> => {
      await using scope = { [Symbol.asyncDispose]: () => Promise.reject(onTheWayOut), first };
      throw scope.first;
    };
    const known = toMeshproofError(await leave(new Error('gone')).catch((error: unknown) => error));
    expect(known).to.include({ code: 'MESHPROOF_MESH_API', message: 'refused; then: gone', hint: 'look' });
    expect(toMeshproofError(await leave(first).catch((error: unknown) => error)).message).to.equal('refused');
  });
});

describe('durations', () => {
  it('have a unit, or are seconds', () => {
    expect(['90s', '20m', '1h', '5', '250ms'].map(parseDuration)).to.deep.equal([
      90_000, 1_200_000, 3_600_000, 5000, 250,
    ]);
    for (const bad of ['', 'x', '-1s', '0']) expect(() => parseDuration(bad), bad).to.throw(/90s, 20m or 1h/);
  });
});
