import { expect } from 'chai';
import {
  amplificationInterval,
  expectedAmplification,
  expectedSuccess,
  expectedSuccessInterval,
} from '../../../src/judge/retries.ts';

/** Exact distribution of the sum of n truncated geometric variables, by convolution. */
function sums(n: number, share: number, retries: number): number[] {
  const one = [
    0,
    ...Array.from({ length: retries + 1 }, (_, k) => (k < retries ? share ** k * (1 - share) : share ** k)),
  ];
  let total = [1];
  for (let i = 0; i < n; i++) {
    const next = new Array<number>(total.length + one.length - 1).fill(0);
    total.forEach((a, x) => one.forEach((b, y) => (next[x + y]! += a * b)));
    total = next;
  }
  return total;
}

describe('retry arithmetic', () => {
  it('is the arithmetic of the design: 30 % faults, 4 retries', () => {
    expect(expectedSuccess(0.3, 4)).to.be.closeTo(0.99757, 1e-9);
    expect(expectedSuccess(0.3, 0)).to.be.closeTo(0.7, 1e-12);
    // Checked live: 164 faults in 564 attempts for 400 requests, amplification 1.41.
    expect(expectedAmplification(0.3, 4)).to.be.closeTo(1.4251, 1e-9);
    expect(expectedAmplification(0.3, 0)).to.equal(1);
    expect(expectedAmplification(1, 4)).to.equal(5);
  });

  it('lets 99 % hold with 1,000 requests', () => {
    expect(expectedSuccessInterval(1000, 0.3, 4).low).to.be.at.least(985);
  });

  for (const [n, share, retries] of [
    [20, 0.3, 4],
    [100, 0.3, 4],
    [100, 0.05, 2],
    [60, 0.8, 3],
  ] as const) {
    it(`amplification bounds keep the budget, and are not twice as wide as needed (n ${n}, share ${share}, ${retries} retries)`, () => {
      const alpha = 1e-6;
      const { low, high } = amplificationInterval(n, share, retries, alpha);
      const exact = sums(n, share, retries);
      const outside = exact.reduce(
        (sum, p, total) => (total / n < low - 1e-9 || total / n > high + 1e-9 ? sum + p : sum),
        0,
      );
      expect(outside).to.be.below(alpha);
      const mean = expectedAmplification(share, retries);
      const half = mean + (high - mean) / 2;
      expect(exact.reduce((sum, p, total) => (total / n > half ? sum + p : sum), 0)).to.be.above(alpha);
    });
  }

  it('is a point where nothing varies', () => {
    expect(amplificationInterval(100, 0, 4)).to.deep.equal({ low: 1, high: 1 });
    expect(amplificationInterval(100, 1, 4)).to.deep.equal({ low: 5, high: 5 });
    expect(amplificationInterval(100, 0.3, 0)).to.deep.equal({ low: 1, high: 1 });
  });
});
