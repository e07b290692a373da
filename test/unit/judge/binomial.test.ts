import { expect } from 'chai';
import { binomialInterval, judgeShare } from '../../../src/judge/binomial.ts';

/** P(X = k) by multiplying factors: exact enough for small n, and nothing like the way of binomialInterval. */
function chance(n: number, p: number, k: number): number {
  let result = 1;
  for (let i = 0; i < k; i++) result *= ((n - i) / (i + 1)) * p;
  return result * (1 - p) ** (n - k);
}

function summed(n: number, p: number, alpha: number): { low: number; high: number } {
  let [low, high] = [0, n];
  for (let below = chance(n, p, 0); below <= alpha / 2; below += chance(n, p, low)) low++;
  for (let above = chance(n, p, n); above <= alpha / 2; above += chance(n, p, high)) high--;
  return { low, high };
}

describe('binomialInterval', () => {
  for (const alpha of [0.5, 0.05, 1e-6]) {
    it(`equals the sum over all outcomes for every n up to 60, alpha ${alpha}`, () => {
      for (let n = 1; n <= 60; n++) {
        for (const p of [0.001, 0.03, 0.3, 0.5, 0.77, 0.9976, 0.9999]) {
          expect(binomialInterval(n, p, alpha), `n ${n}, p ${p}`).to.deep.equal(summed(n, p, alpha));
        }
      }
    });
  }

  it('knows values computed elsewhere (Python, exact fractions)', () => {
    for (const { n, p, alpha, low, high } of reference) {
      expect(binomialInterval(n, p, alpha), `n ${n}, p ${p}`).to.deep.equal({ low, high });
    }
  });

  it('is close to the normal approximation where that is good', () => {
    const { low, high } = binomialInterval(1_000_000, 0.3);
    // Phi^-1(1 - 5e-7) = 4.8916
    const reach = 4.8916 * Math.sqrt(1_000_000 * 0.3 * 0.7);
    expect(low).to.be.within(300_000 - reach - 8, 300_000 - reach + 8);
    expect(high).to.be.within(300_000 + reach - 8, 300_000 + reach + 8);
  });

  it('is sure where nothing can vary', () => {
    expect(binomialInterval(10, 0)).to.deep.equal({ low: 0, high: 0 });
    expect(binomialInterval(10, 1)).to.deep.equal({ low: 10, high: 10 });
    expect(binomialInterval(0, 0.5)).to.deep.equal({ low: 0, high: 0 });
  });

  it('refuses what is no share, no count, no budget', () => {
    expect(() => binomialInterval(10, 1.2)).to.throw(RangeError, 'p must be in [0, 1]');
    expect(() => binomialInterval(1.5, 0.2)).to.throw(RangeError, 'whole number');
    expect(() => binomialInterval(10, Number.NaN)).to.throw(RangeError);
    expect(() => binomialInterval(10, 0.2, 0)).to.throw(RangeError, 'alpha');
  });
});

describe('judgeShare', () => {
  it('believes what lies at the edges of the interval, and nothing beyond', () => {
    const { low, high } = binomialInterval(1000, 0.3);
    expect([low - 1, low, high, high + 1].map((hits) => judgeShare(hits, 1000, 0.3).within)).to.deep.equal([
      false,
      true,
      true,
      false,
    ]);
  });

  it('believes nothing without trials', () => {
    expect(judgeShare(0, 0, 0.3)).to.include({ within: false, observed: '0 of 0: nothing was seen' });
  });
});

/** From exact rational arithmetic: weights C(n,k) a^k b^(n-k) as whole numbers, tails compared with alpha/2 as fractions. */
const reference = [
  { n: 200, p: 0.3, alpha: 1e-6, low: 30, high: 93 },
  { n: 1000, p: 0.3, alpha: 1e-6, low: 231, high: 372 },
  { n: 1000, p: 0.99757, alpha: 1e-6, low: 987, high: 1000 },
  { n: 1204, p: 0.3, alpha: 1e-6, low: 285, high: 440 },
  { n: 2000, p: 0.05, alpha: 0.01, low: 76, high: 126 },
  { n: 3000, p: 0.5, alpha: 1e-9, low: 1333, high: 1667 },
  { n: 1500, p: 0.0001, alpha: 1e-6, low: 0, high: 5 },
];
