import { expect } from 'chai';
import type { CapabilityCell } from '../../../src/capabilities/cell.ts';
import { capabilitiesOfRun, type RunCapability, type SeenInRun } from '../../../src/capabilities/of-run.ts';
import type { Tried } from '../../../src/capabilities/proof.ts';

const tried: Tried = { scenario: 'bounded', claim: 'bounds-latency', policies: ['timeout'], route: false };
const cell: CapabilityCell = {
  ...{ id: 'resiliency/request-timeout', group: 'Resiliency', capability: 'Timeout', mesh: 'toy' },
  ...{ status: 'proven', scenario: 'bounded', proof: { claim: 'bounds-latency', policy: 'timeout' } },
};
const trial = (id: string, status: string, part: Partial<Tried> = {}): SeenInRun['scenarios'][number] => ({
  id,
  status,
  tried: { ...tried, ...part },
});
const after = (
  scenarios: SeenInRun['scenarios'],
  part: Partial<CapabilityCell> = {},
  signals: SeenInRun['signals'] = [],
): RunCapability => capabilitiesOfRun([{ ...cell, ...part }], { scenarios, signals })[0]!;

describe('the capabilities of a run', () => {
  it('are proven by a scenario of this run, under the name that it had', () => {
    const mine = after([trial('my-own-shop', 'pass', { scenario: 'my-own' })]);
    expect(mine).to.include({ status: 'proven', scenario: 'my-own' });
  });

  it('are not proven by a scenario that another run would have', () => {
    expect(after([])).to.include({ status: 'supported', reason: 'bounded proves it; this run did not try it' });
  });

  for (const status of ['fail', 'invalid', 'error', 'skipped']) {
    it(`are not proven by a scenario that ended ${status}, also where another of its trials passed`, () => {
      for (const trials of [[trial('bounded', status)], [trial('bounded-a', 'pass'), trial('bounded-b', status)]]) {
        const row = after(trials);
        expect(row.status).to.equal('supported');
        expect(row.reason).to.equal(`bounded proves it; in this run it ended ${status}`);
        expect(row.scenario).to.equal(undefined);
      }
    });
  }

  it('of a route need a trial on a route, and of a protocol its traffic', () => {
    const proof = { claim: 'bounds-latency', policy: 'timeout', route: true } as const;
    expect(after([trial('bounded-a', 'pass')], { proof }).status).to.equal('supported');
    expect(after([trial('bounded-a-read', 'pass', { route: true })], { proof }).status).to.equal('proven');
    const tcp = { proof: { claim: 'bounds-latency', protocol: 'tcp' } } as const;
    const passed = [trial('bounded', 'pass')];
    expect(after(passed, tcp, [{ scenario: 'bounded', protocol: 'http' }]).status).to.equal('supported');
    expect(after(passed, tcp, [{ scenario: 'other', protocol: 'tcp' }]).status).to.equal('supported');
    expect(after(passed, tcp, [{ scenario: 'bounded', protocol: 'tcp' }]).status).to.equal('proven');
  });

  it('that nothing proves stay what the mesh says of them', () => {
    const no = { status: 'unsupported', scenario: undefined, reason: 'it has none', proof: undefined } as const;
    expect(after([trial('bounded', 'pass')], no)).to.include({ status: 'unsupported', reason: 'it has none' });
  });
});
