import { expect } from 'chai';
import { addedLatency, differenceInterval, quantileInterval } from '../../../src/judge/added-latency.ts';
import { randomOf } from '../report/simulate.ts';

/** Latencies with a long tail, as real ones have: 2 ms and more. */
function latencies(n: number, seed: number, shift = 0): number[] {
  const random = randomOf(seed);
  return Array.from({ length: n }, () => 2 + shift - 3 * Math.log(1 - random()));
}
const sorted = (values: readonly number[]): Float64Array => Float64Array.from(values).sort();
const quantiles = [0.5, 0.95, 0.99];

describe('the interval of a quantile', () => {
  it('is between the order statistics that a binomial variable gives', () => {
    const values = Float64Array.from({ length: 100 }, (_, index) => index + 1);
    // Of 100 fair coins, 40 to 60 is the interval of 5 %: the 40th and the 61st value.
    expect(quantileInterval(values, 0.5, 0.05)).to.deep.equal({ low: 40, high: 61 });
  });

  it('is open where there are too few values', () => {
    const few = sorted(latencies(100, 1));
    expect(quantileInterval(few, 0.99, 0.01).high).to.equal(Number.POSITIVE_INFINITY);
    expect(quantileInterval(new Float64Array(), 0.5, 0.01)).to.deep.equal({ low: 0, high: Number.POSITIVE_INFINITY });
  });

  it('holds the true quantile as often as it says', () => {
    const truth = (q: number): number => 2 - 3 * Math.log(1 - q);
    for (const q of quantiles) {
      const missed = Array.from({ length: 400 }, (_, seed) =>
        quantileInterval(sorted(latencies(800, seed)), q, 0.05),
      ).filter(({ low, high }) => truth(q) < low || truth(q) > high).length;
      expect(missed, `p${q * 100}`).to.be.lessThan(400 * 0.05 + 3 * Math.sqrt(400 * 0.05 * 0.95));
    }
  });
});

describe('the interval of a difference of quantiles', () => {
  it('holds 0 where both are samples of the same, nearly always', () => {
    for (const q of quantiles) {
      let missed = 0;
      for (let seed = 0; seed < 200; seed++) {
        const { low, high } = differenceInterval(
          sorted(latencies(1000, seed)),
          sorted(latencies(1000, seed + 10_000)),
          q,
          0.01,
        );
        if (low > 0 || high < 0) missed++;
      }
      expect(missed, `p${q * 100}`).to.be.lessThan(7);
    }
  });

  it('does not hold 0 where 5 ms were added, and holds 5', () => {
    for (let seed = 0; seed < 20; seed++) {
      const { low, high } = differenceInterval(
        sorted(latencies(2000, seed)),
        sorted(latencies(2000, seed + 10_000, 5)),
        0.5,
        0.01,
      );
      expect(low).to.be.greaterThan(0).and.lessThan(5);
      expect(high).to.be.greaterThan(5);
    }
  });
});

describe('what is added to a quantile', () => {
  const runs = (seed: number, shift = 0, n = 800): number[][] =>
    [0, 1, 2, 3].map((run) => latencies(n, seed + run, shift));

  it('is found where 5 ms were added', () => {
    for (const q of quantiles) {
      const found = addedLatency({ without: runs(1), with: runs(100, 5) }, q, 0.01);
      expect(found.inconclusive, `p${q * 100}`).to.equal(undefined);
      expect(found.interval.low, `p${q * 100}`).to.be.greaterThan(0);
    }
    expect(addedLatency({ without: runs(1), with: runs(100, 5) }, 0.5, 0.01).added).to.be.closeTo(5, 0.5);
  });

  it('is no finding where nothing was added', () => {
    for (const q of quantiles)
      expect(addedLatency({ without: runs(1), with: runs(100) }, q, 0.01).inconclusive, `p${q * 100}`).to.be.a(
        'string',
      );
  });

  it('is no finding below the noise: every other run without it was as slow', () => {
    const noisy = runs(1).map((run, index) => (index % 2 === 0 ? run : run.map((value) => value + 6)));
    const found = addedLatency({ without: noisy, with: runs(100, 5) }, 0.5, 0.01);
    expect(found.noise).to.be.greaterThan(5);
    expect(found.inconclusive).to.equal('two series without the mesh differ by as much');
  });

  it('is found below 0 too: a mesh that makes something faster is no error', () => {
    const found = addedLatency({ without: runs(1, 5), with: runs(100) }, 0.5, 0.01);
    expect(found.added).to.be.closeTo(-5, 0.5);
    expect(found.inconclusive).to.equal(undefined);
  });

  it('needs two runs without it, and requests in each', () => {
    expect(() => addedLatency({ without: [[1]], with: [[1]] }, 0.5, 0.01)).to.throw(RangeError, /two runs/);
    expect(() => addedLatency({ without: [[1], []], with: [[1]] }, 0.5, 0.01)).to.throw(RangeError, /no requests/);
  });
});
