import { AssertionError, expect, use } from 'chai';
import type { Assertion, Status } from '../../../src/judge/assertion.ts';
import { criteria } from '../../../src/judge/verdict/criteria.ts';
import { scenarioStatus } from '../../../src/judge/verdict/status-of.ts';
import { verdict } from '../../../src/judge/verdict/verdict.ts';
import meshproof from '../../../src/library/chai.ts';
import { resultOf, type Result } from '../../../src/library/result.ts';
import type { RunReport, ScenarioReport } from '../../../src/report/model.ts';

use(meshproof);

/** A result whose verdict is the engine's own, on a scenario with these assertions. */
function resultWith(statuses: readonly Status[], errors: RunReport['errors'] = []): Result {
  const assertions = statuses.map((status, index): Assertion => ({
    id: `retries/${status}-${index}`,
    title: 'Retries hide errors',
    status,
    expected: 'at least 99 %',
    observed: '70.1 %',
    hint: 'Look at the policy.',
    evidence: [],
  }));
  const scenario: ScenarioReport = {
    ...{ id: 'retries', title: 'Retries', criterion: 'retries', reason: '', durationMs: 1, arms: [] },
    status: scenarioStatus(assertions),
    assertions,
  };
  const parts = { scenarios: [scenario], assertions: [], health: {}, errors };
  const judged = { ...parts, criteria: criteria(parts.scenarios, [{ id: 'retries', title: 'Retries' }]) };
  const report = { ...judged, verdict: verdict({ ...judged, interrupted: false }) } as unknown as RunReport;
  return resultOf({ report, dir: 'reports/1' });
}

/** What chai said, or undefined when it said nothing. */
function said(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    expect(error).to.be.instanceOf(AssertionError);
    return (error as Error).message;
  }
}

const boom = { code: 'MESHPROOF_CAPTURE', message: 'tcpdump died', hint: 'Look at its log.' };

describe('expect(result).to.be.proven', () => {
  it('is green for a claim that held, and beside it a part that was skipped', () => {
    for (const statuses of [['pass'], ['pass', 'skipped']] as const) {
      expect(resultWith(statuses)).to.be.proven;
      expect(said(() => expect(resultWith(statuses)).not.to.be.proven)).to.match(/^proven, and expected not to be: /);
    }
  });

  it('fails for a claim that did not hold, with the table, what to look at and where the report is', () => {
    const result = resultWith(['pass', 'fail']);
    const message = said(() => expect(result).to.be.proven);
    expect(message).to.match(/^not proven: unhealthy: /);
    expect(message).to.contain(
      [
        '✓  pass  retries/pass-0  70.1 %',
        '✗  fail  retries/fail-1  70.1 %',
        '',
        '✗ retries/fail-1: Retries hide errors',
        '    expected at least 99 %',
        '    observed 70.1 %',
        '    hint     Look at the policy.',
      ].join('\n'),
    );
    expect(message).to.match(/report: reports\/1\/report\.html$/);
    expect(result).not.to.be.proven;
  });

  const undecided: [string, Result, RegExp][] = [
    ['an invalid one', resultWith(['pass', 'invalid']), /^inconclusive, so neither proven nor disproven: /],
    ['nothing but skipped', resultWith(['skipped']), /^inconclusive, [^]*-  skipped  retries\/skipped-0/],
    ['nothing examined', resultWith([]), /^inconclusive, /],
    ['an error of an assertion', resultWith(['error']), /^not tried to its end, so neither proven nor disproven: /],
    ['an error of the run', resultWith(['pass'], [boom]), /^not tried to its end, [^]*MESHPROOF_CAPTURE: tcpdump died/],
  ];
  for (const [title, result, words] of undecided) {
    it(`fails both ways for ${title}: it shows nothing`, () => {
      expect(said(() => expect(result).to.be.proven)).to.match(words);
      expect(said(() => expect(result).not.to.be.proven)).to.match(words);
    });
  }

  it('refuses what is no result, also negated: a promise that nobody awaited would pass', () => {
    for (const value of [Promise.resolve(resultWith(['pass'])), undefined, {}]) {
      expect(() => expect(value).to.be.proven).to.throw(TypeError, /await/);
      expect(() => expect(value).not.to.be.proven).to.throw(TypeError, /await/);
    }
  });
});
