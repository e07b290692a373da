import { expect } from 'chai';
import fc from 'fast-check';
import { phaseFigures, series } from '../../../src/load/figures.ts';
import type { LoadSample } from '../../../src/load/load.ts';

const sample = (startedAt: number, durationMs: number, ok = true): LoadSample => ({
  requestId: `r-${startedAt}`,
  startedAt,
  durationMs,
  status: ok ? 200 : 503,
  errorCode: ok ? 0 : 1503,
  target: 'trips',
  ok,
});

describe('figures of a phase', () => {
  it('counts a request in the phase in which it started, the end excluded', () => {
    const samples = [sample(999, 1), sample(1000, 5000), sample(1999, 1, false), sample(2000, 1)];
    const figures = phaseFigures(samples, { fromMs: 1000, toMs: 2000 }, 3);
    expect(figures).to.deep.equal({
      requests: 2,
      rps: 2,
      errorsPerSecond: 1,
      successRate: 0.5,
      p50Ms: 1,
      p95Ms: 5000,
      p99Ms: 5000,
      dropped: 3,
    });
  });

  it('has no success rate and no latency without requests', () => {
    const figures = phaseFigures([], { fromMs: 0, toMs: 1000 });
    expect([figures.successRate, figures.p50Ms, figures.p99Ms]).to.deep.equal([NaN, NaN, NaN]);
    expect(figures.rps).to.equal(0);
  });

  it('takes quantiles by nearest rank: never a value that was not measured', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => sample(index, index + 1));
    expect(phaseFigures(hundred, { fromMs: 0, toMs: 1000 })).to.include({ p50Ms: 50, p95Ms: 95, p99Ms: 99 });
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 }), (durations) => {
        const { p50Ms, p95Ms, p99Ms } = phaseFigures(
          durations.map((ms) => sample(0, ms)),
          { fromMs: 0, toMs: 1 },
        );
        for (const [q, value] of [
          [0.5, p50Ms],
          [0.95, p95Ms],
          [0.99, p99Ms],
        ] as const) {
          expect(durations).to.include(value);
          expect(durations.filter((ms) => ms <= value).length).to.be.at.least(q * durations.length - 1e-6);
          expect(durations.filter((ms) => ms < value).length).to.be.at.most(q * durations.length + 1e-6);
        }
      }),
    );
  });

  it('gives a point for every second, empty ones too, and loses no request', () => {
    const points = series([sample(1000, 10), sample(1999, 30, false), sample(3000, 20)], { fromMs: 1000, toMs: 3500 });
    expect(points).to.deep.equal([
      { t: 0, rps: 2, errorsPerSecond: 1, p50Ms: 10, p99Ms: 30 },
      { t: 1, rps: 0, errorsPerSecond: 0, p50Ms: null, p99Ms: null },
      { t: 2, rps: 1, errorsPerSecond: 0, p50Ms: 20, p99Ms: 20 },
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20_000 })), fc.integer({ min: 1, max: 19_000 }), (starts, to) => {
        const samples = starts.map((at) => sample(at, 1));
        const sum = series(samples, { fromMs: 500, toMs: 500 + to }).reduce((total, point) => total + point.rps, 0);
        expect(sum).to.equal(phaseFigures(samples, { fromMs: 500, toMs: 500 + to }).requests);
      }),
    );
  });
});
