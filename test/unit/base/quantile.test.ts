import { expect } from 'chai';
import fc from 'fast-check';
import { quantile } from '../../../src/base/quantile.ts';

describe('quantile (nearest rank)', () => {
  it('is the textbook example', () => {
    const values = [15, 20, 35, 40, 50];
    expect([0.05, 0.3, 0.4, 0.5, 1].map((q) => quantile(values, q))).to.deep.equal([15, 20, 20, 35, 50]);
  });

  it('is not moved by floating point: p7 of 100 is the 7th', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    for (let percent = 1; percent <= 100; percent++) expect(quantile(values, percent / 100)).to.equal(percent);
  });

  it('is a sample with enough samples at or below it, and too few below it', () => {
    const samples = fc.array(fc.float({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 1000 }), (values, permille) => {
        const q = permille / 1000;
        const value = quantile(values, q);
        const atMost = values.filter((v) => v <= value).length;
        const below = values.filter((v) => v < value).length;
        return values.includes(value) && atMost >= q * values.length - 1e-6 && below < q * values.length + 1e-6;
      }),
    );
  });

  it('knows nothing without samples, and refuses what is no quantile', () => {
    expect(quantile([], 0.5)).to.be.NaN;
    expect(() => quantile([1], 99)).to.throw(RangeError);
    expect(() => quantile([1], 0)).to.throw(RangeError);
  });
});
