import { expect } from 'chai';
import type { TrafficFigures } from '../../../src/signals/figures.ts';
import { reconcile, type ReconcileOptions } from '../../../src/signals/reconcile.ts';
import { snapshotDeltas } from '../../../src/signals/delta.ts';
import { reconcileEdge } from '../../../src/signals/reconcile.ts';
import type { LatencyHistogram } from '../../../src/signals/snapshot.ts';
import { later, outbound, snapshot, traffic } from './snapshots.ts';

const latency: LatencyHistogram = {
  exact: true,
  upperBoundsMs: [20, 21, 80, 81, 120, 121, Infinity],
  cumulative: [0, 900, 900, 970, 970, 1000, 1000],
  sumMs: 30_000,
};
const figures = (over: Partial<TrafficFigures> = {}): TrafficFigures => ({
  requests: 1000,
  rps: 50,
  errors: 10,
  errorsPerSecond: 0.5,
  successRate: 0.99,
  latency,
  connections: 4,
  connectionsPerSecond: 0.2,
  bytes: 1e6,
  bytesPerSecond: 5e4,
  tls: true,
  http: true,
  ...over,
});
const load = {
  requests: 1000,
  rps: 50,
  errorsPerSecond: 0.5,
  successRate: 0.99,
  p50Ms: 21.5,
  p95Ms: 81.4,
  p99Ms: 122,
  dropped: 0,
};
const options = (over: Partial<ReconcileOptions> = {}): ReconcileOptions => ({
  edge: 'k6 -> trips',
  load,
  client: figures(),
  server: figures({ requests: 1100 }),
  attempts: 1100,
  ...over,
});
const failed = (over: Partial<ReconcileOptions>): string[] =>
  reconcile(options(over))
    .comparisons.filter(({ holds }) => !holds)
    .map(({ what }) => what);

describe('reconcile', () => {
  it('passes when the three tell the same story, retries included', () => {
    expect(reconcile(options())).to.deep.include({ status: 'pass', problems: [] });
    expect(reconcile(options()).comparisons).to.have.length(6);
  });

  it('names exactly what disagrees', () => {
    expect(failed({ load: { ...load, requests: 1060 } })).to.deep.equal(['requests']);
    expect(failed({ load: { ...load, requests: 1045 } })).to.deep.equal([]);
    expect(failed({ attempts: 1000 })).to.deep.equal(['attempts']);
    expect(failed({ load: { ...load, successRate: 0.9 } })).to.deep.equal(['success rate']);
    expect(failed({ load: { ...load, p50Ms: 24 } })).to.deep.equal(['p50']);
    expect(failed({ load: { ...load, p95Ms: 71 } })).to.deep.equal(['p95']);
    expect(failed({ load: { ...load, p99Ms: 140 } })).to.deep.equal(['p99']);
    expect(failed({ load: { ...load, p99Ms: NaN } })).to.deep.equal(['p99']);
    expect(
      failed({ client: figures({ latency: { exact: true, upperBoundsMs: [Infinity], cumulative: [0], sumMs: 0 } }) }),
    ).to.deep.equal(['p50', 'p95', 'p99']);
    expect(reconcile(options({ attempts: 1000 })).problems).to.deep.equal([
      "k6 -> trips: attempts disagree: callers' proxies 1000, server's proxy 1100 (allowed: within 5 %)",
    ]);
  });

  it('with fixed buckets the interval must hold the caller’s value', () => {
    const fixed = figures({
      latency: {
        exact: false,
        upperBoundsMs: [10, 25, 100, 250, Infinity],
        cumulative: [0, 900, 970, 1000, 1000],
        sumMs: 0,
      },
    });
    expect(failed({ client: fixed })).to.deep.equal([]);
    expect(failed({ client: fixed, load: { ...load, p50Ms: 30 } })).to.deep.equal(['p50']);
    expect(failed({ client: fixed, load: { ...load, p99Ms: 99 } })).to.deep.equal(['p99']);
  });

  it('tolerates a rank or two at a step, not more', () => {
    // Rank 900 is the last fast one: k6 with one sample more on the slow side says 80.
    const step = figures({ latency: { ...latency, cumulative: [0, 950, 950, 970, 970, 1000, 1000] } });
    expect(failed({ client: step, load: { ...load, p95Ms: 81 } })).to.deep.equal([]);
    expect(
      failed({ client: figures({ latency: { ...latency, cumulative: [0, 960, 960, 970, 970, 1000, 1000] } }) }),
    ).to.deep.equal(['p95']);
  });

  for (const [what, over] of [
    ['k6 has no samples', { load: { ...load, requests: 0 } }],
    ["no metrics of the client's proxy", { client: undefined }],
    ["no metrics of the server's proxy", { server: undefined }],
    ['trips/b: the proxy restarted', { missing: ['trips/b: the proxy restarted'] }],
  ] as const) {
    it(`is inconclusive, never a pass: ${what}`, () => {
      const result = reconcile(options(over));
      expect(result.status).to.equal('invalid');
      expect(result.problems.join()).to.contain(what);
    });
  }
});

describe('reconcileEdge', () => {
  const before = [
    snapshot('k6', 'k'),
    snapshot('viewer', 'v'),
    snapshot('trips', 'a'),
    snapshot('trips', 'b'),
    snapshot('poi', 'p'),
  ];
  const after = [
    snapshot('k6', 'k', { ...later, outbound: [outbound('trips', { '200': 90 }, { attempts: 100 })] }),
    snapshot('viewer', 'v', { ...later, outbound: [outbound('trips', { '200': 20 })] }),
    snapshot('trips', 'a', { ...later, inbound: traffic({ '200': 50, '503': 10 }) }),
    snapshot('trips', 'b', { ...later, inbound: traffic({ '200': 60 }) }),
  ];
  const k6 = { ...load, requests: 90, successRate: 1, p50Ms: 51, p95Ms: 51, p99Ms: 52 };
  const edge = { source: 'k6', destination: 'trips', load: k6 };

  it('counts every caller’s attempts against the server, and ignores other pods’ problems', () => {
    const result = reconcileEdge({ ...edge, ...snapshotDeltas(before, after) });
    expect(result).to.deep.include({ status: 'pass', problems: [] });
  });

  it('is inconclusive when one replica of the server has no metrics', () => {
    const result = reconcileEdge({
      ...edge,
      ...snapshotDeltas(
        before,
        after.filter(({ pod }) => pod !== 'b'),
      ),
    });
    expect(result.status).to.equal('invalid');
    expect(result.problems[0]).to.contain('trips/b: no metrics at the end');
  });
});
