import { expect } from 'chai';
import { didYouMean } from '../../../src/base/did-you-mean.ts';

describe('didYouMean', () => {
  it('finds a near word, swapped letters too, and nothing far', () => {
    expect(didYouMean('secods', ['seconds', 'rps'])).to.equal('seconds');
    expect(didYouMean('rsp', ['seconds', 'rps'])).to.equal('rps');
    expect(didYouMean('RPS', ['seconds', 'rps'])).to.equal('rps');
    expect(didYouMean('banana', ['seconds', 'rps'])).to.equal(undefined);
    expect(didYouMean('at', ['by', 'ms'])).to.equal(undefined);
  });

  it('takes the nearest of several', () => {
    expect(didYouMean('timeouts', ['timestamps', 'timeout', 'timeoutMs'])).to.equal('timeout');
  });
});
