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

  const busy = (retryAfterMs?: number): MeshproofError =>
    new MeshproofError('MESHPROOF_KUBE_API', 'too busy', 'wait', { retryable: true, retryAfterMs });
  const failing = (times: number, error: Error) => {
    let looks = 0;
    return async (): Promise<{ ready: number }> => {
      if (++looks <= times) throw error;
      return { ready: looks };
    };
  };

  it('goes on after an error that may pass, and names the last one at the deadline', async () => {
    const options = { what: 'x', timeoutMs: 1000, clock: fastClock() };
    expect(await pollUntil(failing(2, busy()), options)).to.equal(3);
    const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    expect(await pollUntil(failing(2, reset), options)).to.equal(3);
    expect(await pollUntil(failing(2, new TypeError('fetch failed', { cause: reset })), options)).to.equal(3);
    const thrown = busy();
    const error = await failure(pollUntil(failing(Infinity, thrown), options));
    expect(error).to.include({ code: 'MESHPROOF_TIMEOUT', cause: thrown });
    expect(error.message).to.contain('too busy');
  });

  it('ends at once with an error that stays, a bug in the look included', async () => {
    const crashed = new MeshproofError('MESHPROOF_POD_CRASHED', 'crashed', 'look');
    for (const thrown of [crashed, new TypeError('x is undefined'), new Error('no')]) {
      const clock = fastClock();
      const error = await pollUntil(failing(1, thrown), { what: 'x', timeoutMs: 1000, clock }).catch(
        (seen: unknown) => seen,
      );
      expect(error).to.equal(thrown);
      expect(clock.now()).to.equal(0);
    }
  });

  it('leaves the other side alone for as long as it asks, within reason and its own time', async () => {
    for (const [askedMs, pausedMs] of [
      [0, 100],
      [3000, 3000],
      [3_600_000, 10_000],
    ] as const) {
      const clock = fastClock();
      await pollUntil(failing(1, busy(askedMs)), { what: 'x', timeoutMs: 60_000, clock });
      expect(clock.now()).to.equal(pausedMs);
    }
    const clock = fastClock();
    await failure(pollUntil(failing(Infinity, busy(3000)), { what: 'x', timeoutMs: 4000, clock }));
    expect(clock.now()).to.equal(4000);
  });

  it('looks sooner when something has changed, but not after a look that failed', async () => {
    const never = { ...fastClock(), sleep: () => new Promise<void>(() => {}) };
    let looks = 0;
    const look = async (): Promise<{ ready: number } | { pending: string }> =>
      ++looks < 3 ? { pending: 'not yet' } : { ready: looks };
    const changed = (): Promise<void> => Promise.resolve();
    expect(await pollUntil(look, { what: 'x', timeoutMs: 60_000, clock: never, changed })).to.equal(3);
    const clock = fastClock();
    await pollUntil(failing(2, busy()), { what: 'x', timeoutMs: 60_000, intervalMs: 500, clock, changed });
    expect(clock.now()).to.equal(1000);
  });

  it('does not hang with its look, nor hold up an interrupt', async () => {
    const hangs = (): Promise<{ pending: string }> => new Promise(() => {});
    const error = await failure(pollUntil(hangs, { what: 'x', timeoutMs: -1900 }));
    expect(error.message).to.contain('the last look hangs');
    const stop = new AbortController();
    const waiting = pollUntil(hangs, { what: 'x', timeoutMs: 60_000, signal: stop.signal });
    const reason = new MeshproofError('MESHPROOF_INTERRUPTED', 'Ctrl-C', '');
    stop.abort(reason);
    expect(await failure(waiting)).to.equal(reason);
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
