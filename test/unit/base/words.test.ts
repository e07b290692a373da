import { expect } from 'chai';
import { brief, milliseconds, percent, shortIdentity, some } from '../../../src/base/words.ts';

describe('words', () => {
  it('never round a share up to all or down to nothing', () => {
    expect([1, 0.99999, 0.9976, 0.7, 0.005, 0.00001, 0].map(percent)).to.deep.equal([
      '100 %',
      '99.999 %',
      '99.76 %',
      '70 %',
      '0.5 %',
      '0.001 %',
      '0 %',
    ]);
    expect(percent(0.9999999)).not.to.equal('100 %');
    expect(percent(Number.NaN)).to.equal('unknown');
  });

  it('carry units', () => {
    expect([0.64, 51.84, 99.96, 504.4, 1009].map(milliseconds)).to.deep.equal([
      '0.6 ms',
      '51.8 ms',
      '100 ms',
      '504 ms',
      '1.01 s',
    ]);
  });

  it('cuts long texts after a whole word', () => {
    expect(brief('0 of 1 ready', 12)).to.equal('0 of 1 ready');
    expect(brief('0 of 1 ready, and more', 15)).to.equal('0 of 1 ready …');
  });

  it('cut lists and identities short', () => {
    expect(some(['a', 'b', 'c', 'd'])).to.equal('a, b, c and 1 more');
    expect(shortIdentity('spiffe://x.consul/ns/default/dc/dc1/svc/trips')).to.equal('…/svc/trips');
    expect(shortIdentity('trips')).to.equal('trips');
  });
});
