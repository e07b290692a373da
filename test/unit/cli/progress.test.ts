import { expect } from 'chai';
import { dueLine, type RunningStep } from '../../../src/cli/progress.ts';

describe('plain progress lines', () => {
  const step = (change: Partial<RunningStep> = {}): RunningStep => ({
    ...{ title: 'getting k6', detail: '1 of 9 packages compiled', start: 0, changed: 0 },
    ...change,
  });

  it('say what lasts longer than a second', () => {
    expect(dueLine(step(), 999)).to.equal(undefined);
    expect(dueLine(step(), 1000)).to.equal('getting k6 … 1 of 9 packages compiled');
    expect(dueLine(step({ detail: '' }), 1000)).to.equal('getting k6 …');
  });

  it('say it again when there is news, but not all the time', () => {
    const said = { detail: '1 of 9 packages compiled', at: 1000 };
    expect(dueLine(step({ said }), 60_000), 'no news').to.equal(undefined);
    const moved = step({ said, detail: '5 of 9 packages compiled' });
    expect(dueLine(moved, 20_999)).to.equal(undefined);
    expect(dueLine(moved, 21_000)).to.equal('getting k6 … 5 of 9 packages compiled (21 s)');
  });
});
