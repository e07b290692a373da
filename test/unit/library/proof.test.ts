import { expect } from 'chai';
import { MeshproofError } from '../../../src/base/errors.ts';
import { scenarioOf, type Proof } from '../../../src/library/proof.ts';
import { scenarioFrom } from '../../../src/scenario/load.ts';

const retries = {
  claim: { kind: 'recovers-errors', objective: 0.99, retries: 4 },
  service: 'cart',
  fault: { kind: 'http-abort', percentage: 30 },
  policies: [{ kind: 'retry', attempts: 4 }],
} satisfies Proof;

const messageOf = (proof: Proof): string => {
  try {
    scenarioFrom(scenarioOf(proof), ['cart', 'web']);
  } catch (error) {
    expect(error).to.be.instanceOf(MeshproofError).with.property('code', 'MESHPROOF_SCENARIO_INVALID');
    return (error as Error).message;
  }
  throw new Error('nothing was wrong');
};

describe('a proof', () => {
  it('is a scenario that lasts long enough, with the policy switched off in its control', () => {
    const scenario = scenarioFrom(scenarioOf(retries), ['cart']);
    const phaseSeconds = { baseline: 4, fault: 53, recovery: 4 };
    expect(scenario).to.deep.include({
      id: 'recovers-errors-cart',
      title: 'Retries hide transient errors from callers (cart)',
      experiment: 'resilience',
      load: { service: 'cart', rps: 20, clients: 1, maxVUs: 120, requestTimeoutMs: 20_000 },
      fault: { kind: 'http-abort', percentage: 30, status: 503 },
      arms: {
        control: { policies: [{ kind: 'retry', attempts: 0, onStatus: [503] }], phaseSeconds },
        treatment: { policies: [{ kind: 'retry', attempts: 4, onStatus: [503] }], phaseSeconds },
      },
      claim: { ...retries.claim, minRequests: 1000 },
    });
  });

  it('does as it is told where it is told', () => {
    const scenario = scenarioFrom(
      scenarioOf({
        claim: { kind: 'bounds-latency', controlP99AtLeastMs: 5000, p99AtMostMs: 1200 },
        each: 'http',
        fault: { kind: 'http-delay', percentage: 100, delayMs: 5000 },
        policies: [{ kind: 'timeout', timeoutMs: 1000 }],
        control: [],
        load: { rps: 10, clients: 2 },
        phaseSeconds: { fault: 40 },
        id: 'slow',
        title: 'Slow ones',
      }),
    );
    expect(scenario).to.deep.include({ id: 'slow', title: 'Slow ones' });
    expect(scenario).to.have.nested.property('load.each', 'http');
    expect(scenario).to.have.nested.property('load.maxVUs', 60);
    expect(scenario).to.have.nested.property('arms.treatment.phaseSeconds.fault', 40);
    expect(scenario).to.have.nested.property('arms.control.policies').that.is.empty;
  });

  it('is refused as a file is: names the field, and the nearest word', () => {
    expect(messageOf({ ...retries, service: 'crat' })).to.match(
      /^recovers-errors-crat: load\.service: .*did you mean `cart`\?$/,
    );
    expect(messageOf({ ...retries, each: 'http' })).to.contain('load: expected either `service` or `each`');
    expect(messageOf({ ...retries, fault: { kind: 'http-delay', percentage: 30, delayMs: 10 } })).to.contain(
      'needs the fault http-abort',
    );
    const claim = { ...retries.claim, objektive: 1 };
    expect(messageOf({ ...retries, claim })).to.contain('unknown field `objektive`; did you mean `objective`?');
  });

  it('is refused where too few requests show that the service answers without the fault; by default they are enough', () => {
    expect(messageOf({ ...retries, phaseSeconds: { baseline: 2 } })).to.contain(
      'arms.treatment.phaseSeconds.baseline: too short at 20 requests/s to see that the service answers (20 requests): expected at least 2.5',
    );
    const slow = scenarioFrom(scenarioOf({ ...retries, load: { rps: 5 } }), ['cart']);
    expect(slow).to.deep.nested.include({
      'arms.control.phaseSeconds': { baseline: 7, fault: 203, recovery: 6 },
    });
  });
});
