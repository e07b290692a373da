import { expect } from 'chai';
import type { Assertion, Status } from '../../../../src/judge/assertion.ts';
import type { Criterion, ScenarioReport } from '../../../../src/report/model.ts';
import { criteria } from '../../../../src/judge/verdict/criteria.ts';
import { scenarioStatus, statusOf } from '../../../../src/judge/verdict/status-of.ts';
import { verdict, type VerdictParts } from '../../../../src/judge/verdict/verdict.ts';

const assertion = (status: Status, rest: Partial<Assertion> = {}): Assertion => ({
  id: status,
  title: `it is ${status}`,
  status,
  expected: 'more',
  observed: 'less',
  evidence: [],
  ...rest,
});

const scenario = (assertions: Assertion[], rest: Partial<ScenarioReport> = {}): ScenarioReport => ({
  id: 'mtls-everywhere',
  title: 't',
  criterion: 'mtls',
  status: statusOf(assertions.map((a) => a.status)),
  reason: '',
  durationMs: 1,
  arms: [],
  assertions,
  ...rest,
});

function judged(statuses: Status[], rest: Partial<VerdictParts> = {}) {
  const scenarios = [scenario(statuses.map((status) => assertion(status)))];
  return verdict({
    scenarios,
    criteria: criteria(scenarios, [{ id: 'mtls', title: 'mTLS' }]),
    assertions: [],
    health: {},
    errors: [],
    interrupted: false,
    ...rest,
  });
}

const error = { code: 'MESHPROOF_CAPTURE', message: 'tcpdump died', hint: 'h', scenario: 'mtls-everywhere' };

describe('verdict', () => {
  const cases: [string, Status[], Partial<VerdictParts>, string, number][] = [
    ['all pass', ['pass', 'pass'], {}, 'healthy', 0],
    ['a skipped one beside passes', ['pass', 'skipped'], {}, 'healthy', 0],
    ['nothing but skipped', ['skipped'], {}, 'inconclusive', 4],
    ['an invalid one', ['pass', 'invalid'], {}, 'inconclusive', 4],
    ['an error beside an invalid one', ['invalid', 'error'], {}, 'error', 3],
    ['an error of the run', ['pass'], { errors: [error] }, 'error', 3],
    ['a failure beside everything', ['pass', 'invalid', 'error', 'fail'], { errors: [error] }, 'unhealthy', 1],
    ['interrupted while all passed', ['pass'], { interrupted: true }, 'inconclusive', 130],
    ['interrupted after a failure', ['fail'], { interrupted: true, errors: [error] }, 'unhealthy', 130],
    ['nothing at all', [], { scenarios: [], criteria: [] }, 'inconclusive', 4],
    ['a criterion nobody examined', ['pass'], { criteria: criteria([], [{ id: 'x', title: 'x' }]) }, 'inconclusive', 4],
    ['a failing assertion of the run', ['pass'], { assertions: [assertion('fail')] }, 'unhealthy', 1],
    [
      'a sick cluster',
      ['pass'],
      {
        health: {
          after: {
            takenAt: 1,
            status: 'fail',
            checks: [{ id: 'nodes', title: 'n', category: 'kubernetes', status: 'fail', observed: 'NotReady' }],
          },
        },
      },
      'unhealthy',
      1,
    ],
  ];
  for (const [what, statuses, rest, status, exitCode] of cases) {
    it(`${what}: ${status}, ${exitCode}`, () => expect(judged(statuses, rest)).to.include({ status, exitCode }));
  }

  describe('without a passing claim', () => {
    const role = (is: 'claim' | 'control' | 'validity', status: Status = 'pass'): Assertion =>
      assertion(status, { id: `${is}-${status}`, recompute: { rule: 'list-empty', inputs: {}, role: is } });
    const of = (assertions: Assertion[], status = scenarioStatus(assertions)) => {
      const scenarios = [scenario(assertions, { status })];
      const [criterion] = criteria(scenarios, [{ id: 'mtls', title: 'mTLS' }]);
      return { criterion: criterion!, verdict: judged([], { scenarios, criteria: [criterion!] }) };
    };

    it('a validity check alone proves nothing', () => {
      expect(scenarioStatus([role('validity')])).to.equal('invalid');
      // Even of a scenario that was said to have passed.
      const { criterion, verdict: seen } = of([role('validity')], 'pass');
      expect(criterion).to.include({ status: 'invalid', why: 'No conclusion: no claim was shown to hold.' });
      expect(seen).to.include({ status: 'inconclusive', exitCode: 4 });
    });

    it('nor does a control, nor a claim of the control arm', () => {
      expect(scenarioStatus([role('control'), role('validity')])).to.equal('invalid');
      expect(scenarioStatus([assertion('pass', { arm: 'control' })])).to.equal('invalid');
      expect(of([role('control')], 'pass').verdict.summary).to.match(/^inconclusive: mtls: .*No conclusion: no claim/);
    });

    it('a claim that was skipped is none that held; beside one that held it spoils nothing', () => {
      expect(scenarioStatus([role('validity'), role('claim', 'skipped')])).to.equal('invalid');
      expect(scenarioStatus([role('claim', 'skipped')])).to.equal('skipped');
      expect(scenarioStatus([role('claim'), role('claim', 'skipped')])).to.equal('pass');
    });

    it('a run is not healthy, whatever its own checks say', () => {
      const seen = judged([], { scenarios: [], criteria: [], assertions: [role('claim'), role('validity')] });
      expect(seen).to.include({ status: 'inconclusive', exitCode: 4 });
      expect(seen.summary).to.contain('no claim was shown to hold');
    });

    it('a failure stays a failure', () => {
      expect(scenarioStatus([role('validity'), role('claim', 'fail')])).to.equal('fail');
    });
  });

  it('a scenario that broke off without an assertion is no pass', () => {
    const scenarios = [
      scenario([assertion('pass')]),
      scenario([], { id: 'b', status: 'error', reason: 'k6 never started' }),
    ];
    const seen = judged([], { scenarios, criteria: criteria(scenarios, [{ id: 'mtls', title: 'mTLS' }]) });
    expect(seen).to.include({ status: 'error', exitCode: 3 });
    expect(seen.summary).to.contain('b: k6 never started');
  });

  it('counts every assertion once', () => {
    expect(judged(['pass', 'fail', 'fail', 'invalid'], { assertions: [assertion('skipped')] }).counts).to.deep.equal({
      pass: 1,
      fail: 2,
      error: 0,
      invalid: 1,
      skipped: 1,
    });
  });

  it('names the broken thing in one line', () => {
    const broken = [
      assertion('pass'),
      assertion('fail', {
        title: 'trips -> postgres is mutual TLS',
        observed: 'trips -> postgres: plaintext seen: 812 of\n900 bytes',
      }),
    ];
    const scenarios = [scenario(broken)];
    const seen = verdict({ scenarios, criteria: [], assertions: [], health: {}, errors: [], interrupted: false });
    expect(seen.summary).to.equal(
      'unhealthy: mtls-everywhere: trips -> postgres: plaintext seen: 812 of 900 bytes (1 of 2 assertions failed)',
    );
    expect(judged(['fail']).summary).to.equal(
      'unhealthy: mtls-everywhere: not so: it is fail: less (1 of 1 assertion failed)',
    );
    expect(judged(['pass'], { errors: [error] }).summary).to.equal(
      'error: mtls-everywhere: tcpdump died [MESHPROOF_CAPTURE]',
    );
    const stop = { code: 'MESHPROOF_INTERRUPTED', message: 'interrupted by SIGTERM during up', hint: '' };
    expect(judged(['pass'], { interrupted: true, errors: [stop] }).summary).to.equal(
      'interrupted: stopped by SIGTERM during up',
    );
    expect(judged(['pass', 'skipped']).summary).to.equal('healthy: 1 of 1 criterion and 1 assertion passed, 1 skipped');
  });

  it('keeps the line a line, with its counts', () => {
    const scenarios = [scenario([assertion('fail', { observed: 'x'.repeat(5000) })])];
    const { summary } = verdict({
      scenarios,
      criteria: [],
      assertions: [],
      health: {},
      errors: [],
      interrupted: false,
    });
    expect(summary)
      .to.have.length(300)
      .and.match(/… \(1 of 1 assertion failed\)$/);
  });
});

describe('criteria', () => {
  const definition = { id: 'mtls', title: 'mTLS', words: { control: 'Outside the mesh', treatment: 'In the mesh' } };
  const control = assertion('pass', { arm: 'control', observed: 'the planted token is readable.' });
  const claim = assertion('pass', { arm: 'treatment', observed: 'no plaintext' });
  const of = (assertions: Assertion[], rest: Partial<ScenarioReport> = {}): Criterion =>
    criteria([scenario(assertions, rest)], [definition])[0]!;

  it('say how the control failed and how the treatment held', () => {
    expect(of([control, claim, claim])).to.include({
      status: 'pass',
      why: 'Outside the mesh, it failed as it must: the planted token is readable. In the mesh, it held: no plaintext (and 1 more check).',
    });
  });

  it('say that a control did not fail, how a treatment failed, what could not be concluded', () => {
    expect(
      of([
        { ...control, status: 'invalid' },
        { ...claim, status: 'invalid' },
      ]),
    )
      .to.include({ status: 'invalid' })
      .and.property('why')
      .match(/^Outside the mesh, the failure could not be shown: the planted token is readable\. No conclusion: /);
    expect(of([control, { ...claim, status: 'fail' }]))
      .to.include({ status: 'fail' })
      .and.property('why')
      .contain('In the mesh, it did not hold: no plaintext (expected: more).');
    expect(of([], { status: 'error', reason: 'k6 never started' }).why).to.equal(
      'It could not be examined: k6 never started.',
    );
    expect(of([assertion('skipped', { observed: 'the mesh cannot' })]).why).to.equal('Skipped: the mesh cannot.');
    expect(criteria([], [definition])[0]).to.include({
      status: 'invalid',
      why: 'No scenario of this run examined it.',
    });
  });

  it('a pass beside something skipped is a pass; the worst scenario decides', () => {
    expect(of([control, claim, assertion('skipped')]).status).to.equal('pass');
    const two = criteria([scenario([control, claim]), scenario([assertion('fail')], { id: 'b' })], [definition])[0]!;
    expect(two).to.deep.include({ status: 'fail', scenarios: ['mtls-everywhere', 'b'] });
  });
});
