import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { parseEnvoyCounters, parseEnvoyHistograms } from '../../../../src/observe/telemetry/envoy-histogram.ts';
import {
  countOf,
  deltaHistogram,
  emptyHistogram,
  mergeHistograms,
  quantile,
} from '../../../../src/observe/telemetry/histogram.ts';
import { parsePrometheus } from '../../../../src/observe/telemetry/prometheus.ts';
import { prometheusHistograms } from '../../../../src/observe/telemetry/prometheus-histogram.ts';
import type { LatencyHistogram } from '../../../../src/observe/telemetry/snapshot.ts';

const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');

/** Envoy's grid (two significant digits), only the buckets with samples, times cut to whole milliseconds. */
function envoyJson(valuesMs: number[]): string {
  const buckets = new Map<number, { lower_bound: number; width: number; count: number }>();
  for (const value of valuesMs.map(Math.floor)) {
    const width = value === 0 ? 0 : 10 ** (Math.floor(Math.log10(value)) - 1);
    const lower = value === 0 ? 0 : Number((Math.floor(value / width + 1e-9) * width).toPrecision(2));
    const bucket = buckets.get(lower) ?? { lower_bound: lower, width, count: 0 };
    bucket.count++;
    buckets.set(lower, bucket);
  }
  return JSON.stringify({ stats: [{ histograms: { details: [{ name: 't', totals: [...buckets.values()] }] } }] });
}
const envoy = (valuesMs: number[]): LatencyHistogram => parseEnvoyHistograms(envoyJson(valuesMs)).get('t')!;

function fixed(bounds: number[], values: number[]): LatencyHistogram {
  const upperBoundsMs = [...bounds, Infinity];
  return {
    exact: false,
    upperBoundsMs,
    cumulative: upperBoundsMs.map((bound) => values.filter((value) => value <= bound).length),
    sumMs: values.reduce((sum, value) => sum + value, 0),
  };
}

const nearestRank = (values: number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(q * values.length - 1e-9) - 1)]!;
const times = fc.array(fc.double({ min: 0, max: 90_000, noNaN: true }), { minLength: 1, maxLength: 200 });
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe('quantile', () => {
  it('lies where the sorted samples say, in an Envoy histogram', () => {
    fc.assert(
      fc.property(times, share, (values, q) => {
        const truth = nearestRank(values, q);
        const { lowMs, highMs, pointMs } = quantile(envoy(values), q)!;
        expect(truth).to.be.within(lowMs, highMs);
        expect(pointMs).to.be.within(lowMs, highMs);
        expect(Math.abs(pointMs! - truth)).to.be.at.most(Math.max(1, 0.1 * truth));
      }),
    );
  });

  it('is an interval and no point with fixed buckets', () => {
    fc.assert(
      fc.property(
        times,
        share,
        fc.uniqueArray(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 12 }),
        (values, q, bounds) => {
          const histogram = fixed(
            bounds.sort((a, b) => a - b),
            values,
          );
          const { lowMs, highMs, pointMs } = quantile(histogram, q)!;
          expect(nearestRank(values, q)).to.be.within(lowMs, highMs);
          expect(pointMs).to.equal(undefined);
        },
      ),
    );
  });

  it('is undefined without samples', () => {
    expect(quantile(emptyHistogram(), 0.5)).to.equal(undefined);
  });
});

describe('delta and merge', () => {
  it('delta is the histogram of what came in between', () => {
    fc.assert(
      fc.property(times, times, share, (before, added, q) => {
        const delta = deltaHistogram(envoy(before), envoy([...before, ...added]))!;
        expect(delta.exact).to.equal(true);
        expect(countOf(delta)).to.equal(added.length);
        const { lowMs, highMs } = quantile(delta, q)!;
        expect(nearestRank(added, q)).to.be.within(lowMs, highMs);
      }),
    );
  });

  it('merge is the histogram of all replicas', () => {
    fc.assert(
      fc.property(fc.array(times, { minLength: 1, maxLength: 4 }), share, (replicas, q) => {
        const merged = mergeHistograms(replicas.map(envoy));
        const all = replicas.flat();
        expect(merged.exact).to.equal(true);
        expect(countOf(merged)).to.equal(all.length);
        const { lowMs, highMs } = quantile(merged, q)!;
        expect(nearestRank(all, q)).to.be.within(lowMs, highMs);
      }),
    );
  });

  it('different fixed buckets merge to intervals that still hold the truth', () => {
    fc.assert(
      fc.property(times, times, share, (a, b, q) => {
        const merged = mergeHistograms([fixed([1, 10, 100, 1000], a), fixed([5, 10, 50, 1000, 5000], b)]);
        expect(countOf(merged)).to.equal(a.length + b.length);
        const { lowMs, highMs } = quantile(merged, q)!;
        expect(nearestRank([...a, ...b], q)).to.be.within(lowMs, highMs);
      }),
    );
  });

  it('is no longer exact when buckets had to be joined', () => {
    const merged = mergeHistograms([
      { ...fixed([10, 20], [15]), exact: true },
      { ...fixed([15, 20], [12]), exact: true },
    ]);
    expect(merged.exact).to.equal(false);
    expect(quantile(merged, 0.5)).to.deep.equal({ lowMs: 0, highMs: 20 });
  });

  it('refuses a delta of counts that shrank', () => {
    expect(deltaHistogram(envoy([5, 5, 70]), envoy([5, 70, 70, 70]))).to.equal(undefined);
    expect(deltaHistogram(envoy([5]), envoy([]))).to.equal(undefined);
  });
});

describe("Envoy's detailed histograms", () => {
  it('reads what Envoy 1.40 wrote for 50 ms and every tenth 200 ms', () => {
    const histogram = parseEnvoyHistograms(fixture('envoy-detailed.json')).get(
      'http.public_listener.downstream_rq_time',
    )!;
    const counters = parseEnvoyCounters(fixture('envoy-detailed.json'));
    expect(countOf(histogram)).to.equal(1100).and.to.equal(counters.get('http.public_listener.downstream_rq_total'));
    expect(counters.get('http.public_listener.downstream_rq_5xx')).to.equal(55);
    // The client measured 52.2, 202.3 and 202.8 ms; Envoy's own interpolation 51.3, 204.95, 208.9.
    expect(quantile(histogram, 0.5)!.pointMs).to.be.within(51, 52);
    expect(quantile(histogram, 0.95)!.pointMs).to.be.within(200, 210);
    expect(quantile(histogram, 0.95)!.pointMs! / 202.3).to.be.within(0.9, 1.1);
    expect(quantile(histogram, 0.85)!.pointMs).to.be.within(51, 53);
  });

  it('the same time in its default Prometheus buckets is only an interval', () => {
    const samples = parsePrometheus(fixture('envoy.prom'));
    const own = prometheusHistograms(samples, 'envoy_http_downstream_rq_time', { unit: 'ms' }).find(
      ({ labels }) => labels['envoy_http_conn_manager_prefix'] === 'public_listener',
    )!.histogram;
    expect(countOf(own)).to.equal(1100);
    expect(quantile(own, 0.5)).to.deep.equal({ lowMs: 50, highMs: 100 });
    expect(quantile(own, 0.95)).to.deep.equal({ lowMs: 100, highMs: 250 });
  });

  it('knows an empty histogram and times under a millisecond', () => {
    expect(quantile(envoy([]), 0.5)).to.equal(undefined);
    expect(quantile(envoy([0.4]), 0.5)).to.deep.equal({ lowMs: 0, highMs: 1, pointMs: 0.5 });
    expect(quantile(envoy([5.9]), 0.5)).to.deep.equal({ lowMs: 5, highMs: 6, pointMs: 5.5 });
  });

  for (const [what, text, why] of [
    ['text', 'no healthy upstream', /not JSON/],
    ['another JSON', '{"error":"x"}', /no "stats"/],
    ['null', 'null', /no "stats"/],
    ['the cumulative form', '{"stats":[{"histograms":[]}]}', /no bucket details/],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => parseEnvoyHistograms(text)).to.throw(why);
    });
  }
});

describe('prometheusHistograms', () => {
  it('keeps label sets apart and turns seconds into milliseconds', () => {
    const text =
      'd_bucket{s="a",le="0.1"} 1\nd_bucket{s="a",le="+Inf"} 3\nd_sum{s="a"} 1.5\nd_count{s="a"} 3\nd_bucket{s="b",le="0.1"} 4\nd_count{s="b"} 5\n';
    expect(prometheusHistograms(parsePrometheus(text), 'd', { unit: 's' })).to.deep.equal([
      {
        labels: { s: 'a' },
        histogram: { exact: false, upperBoundsMs: [100, Infinity], cumulative: [1, 3], sumMs: 1500 },
      },
      { labels: { s: 'b' }, histogram: { exact: false, upperBoundsMs: [100, Infinity], cumulative: [4, 5], sumMs: 0 } },
    ]);
  });
});
