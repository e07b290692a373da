import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Clock } from '../../../src/base/clock.ts';
import { armedRecords, replayRollback, Rollback, type Injector } from '../../../src/run/rollback.ts';

/** Time that passes only when somebody sleeps. */
function fakeClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    monotonicMs: () => now,
    sleep: async (ms, signal) => {
      // A rejection or a result that is due already comes first.
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      now += ms;
    },
  };
}

describe('Rollback', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-rollback-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let count = 0;
  const newJournal = (): string => join(folder, `${++count}`, 'journal.ndjson');
  const make = (injectors: Record<string, Injector> = {}, journal = newJournal()) => ({
    journal,
    rollback: new Rollback({ journal, injectors, clock: fakeClock() }),
  });
  const entry = (what: string, undo?: () => Promise<void>, place: 'lab' | 'host' = 'lab') => ({
    what,
    injector: 'test',
    args: { what },
    place,
    undo,
  });

  it('takes back last first, each once, and the journal goes', async () => {
    const { rollback, journal } = make();
    const done: string[] = [];
    const first = await rollback.record(entry('first', async () => void done.push('first')));
    await rollback.record(entry('second', async () => void done.push('second')));
    expect((await armedRecords(journal)).map(({ what }) => what)).to.deep.equal(['first', 'second']);
    await rollback.runAll(1000);
    await first.run();
    await rollback.runAll(1000);
    expect(done).to.deep.equal(['second', 'first']);
    expect(existsSync(journal)).to.equal(false);
  });

  it('is written down before the change can be made, with all that is needed to take it back', async () => {
    const { rollback, journal } = make();
    await rollback.record({ what: 'a rule', injector: 'pod-agent', args: { pods: ['a'] } });
    expect(await armedRecords(journal)).to.deep.equal([
      { id: 1, what: 'a rule', injector: 'pod-agent', args: { pods: ['a'] }, place: 'lab' },
    ]);
  });

  it('does not let the change be made when it cannot be written down', async () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    const { rollback } = make({}, join(file, 'journal.ndjson'));
    const error = await rollback.record(entry('x')).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(Error);
  });

  for (const failures of [1, 3]) {
    it(`tries again after ${failures} transient failures`, async () => {
      const { rollback, journal } = make();
      let left = failures;
      const handle = await rollback.record(
        entry('flaky', () => (left-- > 0 ? Promise.reject(new Error('500')) : Promise.resolve())),
      );
      await handle.run();
      expect(rollback.outcomes).to.deep.include.members([
        { what: 'flaky', ok: true, ms: failures * 500, attempts: failures + 1 },
      ]);
      expect(await armedRecords(journal)).to.deep.equal([]);
    });
  }

  it('gives up when the budget is over, goes on with the others, and says which', async () => {
    const { rollback, journal } = make();
    const done: string[] = [];
    await rollback.record(entry('good', async () => void done.push('good')));
    await rollback.record(entry('bad', () => Promise.reject(new Error('no'))));
    const outcomes = await rollback.runAll(2000);
    expect(done).to.deep.equal(['good']);
    expect(outcomes.map(({ what, ok, error }) => [what, ok, error])).to.deep.equal([
      ['bad', false, 'no'],
      ['good', true, undefined],
    ]);
    expect((await armedRecords(journal)).map(({ what }) => what)).to.deep.equal(['bad']);
  });

  it('does not remember a failure: a later call tries anew', async () => {
    const { rollback } = make();
    let broken = true;
    await rollback.record(entry('mended', () => (broken ? Promise.reject(new Error('no')) : Promise.resolve())));
    expect((await rollback.runAll(1000))[0]).to.include({ ok: false });
    broken = false;
    expect(await rollback.runAll(1000)).to.deep.include.members([{ what: 'mended', ok: true, ms: 0, attempts: 1 }]);
  });

  it('does not wait for ever for one that hangs', async () => {
    const { rollback } = make();
    await rollback.record(entry('hangs', () => new Promise(() => {})));
    const [outcome] = await rollback.runAll(1000);
    expect(outcome).to.include({ what: 'hangs', ok: false });
    expect(outcome?.error).to.contain('not done within');
  });

  it('leaves what is inside the lab to its deletion, if told so', async () => {
    const { rollback } = make();
    const done: string[] = [];
    await rollback.record(entry('in the lab', async () => void done.push('lab')));
    await rollback.record(entry('on the host', async () => void done.push('host'), 'host'));
    await rollback.runAll(1000, 'host');
    expect(done).to.deep.equal(['host']);
  });

  describe('after a kill -9', () => {
    it('takes back by data alone, last first, and the journal goes', async () => {
      const { rollback, journal } = make();
      for (const what of ['first', 'second']) await rollback.record(entry(what));
      const undone: unknown[] = [];
      const outcomes = await replayRollback(journal, {
        injectors: { test: async (args) => void undone.push(args) },
        clock: fakeClock(),
        budgetMs: 1000,
      });
      expect(undone).to.deep.equal([{ what: 'second' }, { what: 'first' }]);
      expect(outcomes.every(({ ok }) => ok)).to.equal(true);
      expect(existsSync(journal)).to.equal(false);
    });

    it('keeps what could not be taken back for the next one, and says so', async () => {
      const { rollback, journal } = make();
      await rollback.record(entry('stays'));
      await rollback.record({ what: 'of a newer version', injector: 'unknown', args: null });
      const replay = (): ReturnType<typeof replayRollback> =>
        replayRollback(journal, {
          injectors: { test: () => Promise.reject(new Error('no')) },
          clock: fakeClock(),
          budgetMs: 1000,
        });
      for (const outcomes of [await replay(), await replay()]) {
        expect(outcomes.map(({ what, ok }) => [what, ok])).to.have.deep.members([
          ['of a newer version', false],
          ['stays', false],
        ]);
      }
    });

    it('is not confused by half a line: its change was not made yet', async () => {
      const { rollback, journal } = make();
      await rollback.record(entry('whole'));
      writeFileSync(journal, '{"id":2,"state":"armed","what":"ha', { flag: 'a' });
      expect((await armedRecords(journal)).map(({ what }) => what)).to.deep.equal(['whole']);
    });
  });
});
