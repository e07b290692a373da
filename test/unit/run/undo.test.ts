import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { UndoStack, unfinishedUndos } from '../../../src/run/undo.ts';

describe('UndoStack', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-undo-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let count = 0;
  const journal = (): string => join(folder, `${++count}`, 'journal.ndjson');

  it('takes back last first, each once', async () => {
    const file = journal();
    const stack = new UndoStack(file);
    const done: string[] = [];
    const first = await stack.register('first', async () => void done.push('first'));
    await stack.register('second', async () => void done.push('second'));
    expect(await unfinishedUndos(file)).to.deep.equal(['first', 'second']);
    await stack.runAll(1000);
    await first.run();
    await stack.runAll(1000);
    expect(done).to.deep.equal(['second', 'first']);
    expect(existsSync(file)).to.equal(false);
  });

  it('goes on after one that fails, and says which', async () => {
    const file = journal();
    const stack = new UndoStack(file);
    const done: string[] = [];
    await stack.register('good', async () => void done.push('good'));
    await stack.register('bad', () => Promise.reject(new Error('no')));
    const outcomes = await stack.runAll(1000);
    expect(done).to.deep.equal(['good']);
    expect(outcomes.map(({ what, ok, error }) => [what, ok, error])).to.deep.equal([
      ['bad', false, 'no'],
      ['good', true, undefined],
    ]);
    expect(await unfinishedUndos(file)).to.deep.equal(['bad']);
  });

  it('does not wait for ever for one that hangs', async () => {
    const stack = new UndoStack(journal(), {
      now: () => 0,
      monotonicMs: () => 0,
      sleep: () => Promise.resolve(),
    });
    await stack.register('hangs', () => new Promise(() => {}));
    const [outcome] = await stack.runAll(1);
    expect(outcome).to.include({ what: 'hangs', ok: false });
  });

  it('leaves what is inside the lab to its deletion, if told so', async () => {
    const stack = new UndoStack(journal());
    const done: string[] = [];
    await stack.register('in the lab', async () => void done.push('lab'));
    await stack.register('on the host', async () => void done.push('host'), 'host');
    await stack.runAll(1000, 'host');
    expect(done).to.deep.equal(['host']);
  });
});
