import { expect } from 'chai';
import { answerProblem } from '../../../fixtures/k6/answer.ts';
import type { DataCall } from '../../../src/apps/app.ts';

const call = (expected: Partial<DataCall>): DataCall => ({ method: 'GET', path: '/', expectStatus: 200, ...expected });
const body = '{"id":1,"items":[{"sku":"a"}],"total":{"amount":3,"currency":"EUR"}}';

describe('answerProblem', () => {
  it('lets through what holds all that was asked for', () => {
    for (const expected of [
      {},
      { expectBody: '"sku":"a"' },
      { expectPattern: '"id":\\d' },
      { expectJson: { id: 1 } },
      { expectJson: { total: { currency: 'EUR' }, items: [{ sku: 'a' }] } },
    ])
      expect(answerProblem(call(expected), { status: 200, body }), JSON.stringify(expected)).to.equal(undefined);
  });

  it('says what is wrong with anything else', () => {
    const problem = (expected: Partial<DataCall>, answer = { status: 200, body }): string | undefined =>
      answerProblem(call(expected), answer);
    expect(problem({}, { status: 503, body: 'no' })).to.equal('status 503 instead of 200: "no"');
    expect(problem({ expectStatus: 404 })).to.match(/^status 200 instead of 404/);
    expect(problem({ expectBody: 'basket' })).to.match(/does not hold "basket"/);
    expect(problem({ expectPattern: 'id":[2-9]' })).to.match(/does not match \/id":\[2-9\]\//);
    expect(problem({ expectJson: { id: 2 } })).to.match(/lacks \{"id":2\}/);
    expect(problem({ expectJson: { items: [] } })).to.match(/lacks/);
    expect(problem({ expectJson: { total: { amount: '3' } } })).to.match(/lacks/);
    expect(problem({ expectJson: {} }, { status: 200, body: '<html>' })).to.match(/no JSON/);
  });
});
