import { expect } from 'chai';
import { controlled, worst } from '../../../src/judge/combine.ts';
import { statuses, type Status } from '../../../src/judge/assertion.ts';

describe('the first law', () => {
  const dead = { failedAsItMust: false, observed: '100 % of 440 requests succeeded' };
  const alive = { failedAsItMust: true, observed: '' };

  it('turns a pass without a control that failed into invalid, and says why', () => {
    expect(controlled({ control: dead, treatment: { status: 'pass', observed: '99.9 %' } })).to.deep.equal({
      status: 'invalid',
      observed: '99.9 %; no conclusion: 100 % of 440 requests succeeded',
    });
  });

  it('never masks a failure, an error or a skip', () => {
    for (const status of statuses.filter((each) => each !== 'pass')) {
      for (const control of [dead, alive]) {
        expect(controlled({ control, treatment: { status, observed: 'seen' } }).status).to.equal(status);
      }
    }
  });

  it('never gives a pass unless both say so', () => {
    for (const status of statuses) {
      for (const control of [dead, alive]) {
        const passes = controlled({ control, treatment: { status, observed: '' } }).status === 'pass';
        expect(passes).to.equal(status === 'pass' && control === alive);
      }
    }
  });
});

describe('worst', () => {
  const cases: [Status[], Status][] = [
    [['pass', 'skipped'], 'skipped'],
    [['pass', 'invalid', 'skipped'], 'invalid'],
    [['invalid', 'error'], 'error'],
    [['error', 'fail', 'pass'], 'fail'],
    [['pass'], 'pass'],
    [[], 'invalid'],
  ];
  for (const [seen, status] of cases)
    it(`of ${seen.join(', ') || 'nothing'} is ${status}`, () => expect(worst(seen)).to.equal(status));
});
