import { expect } from 'chai';
import { snapshotDelta, snapshotDeltas } from '../../../../src/observe/telemetry/delta.ts';
import { goldenSignals, loadSignals, type GoldenSignals } from '../../../../src/observe/telemetry/golden.ts';
import { later, outbound, snapshot, traffic } from './snapshots.ts';

describe('snapshotDelta', () => {
  const before = snapshot('trips', 'a', { inbound: traffic({ '200': 10 }), outbound: [outbound('poi', { '200': 5 })] });
  const after = snapshot('trips', 'a', {
    ...later,
    inbound: traffic({ '200': 30, '503': 2 }),
    outbound: [outbound('poi', { '200': 9 })],
  });

  it('subtracts counters and histograms', () => {
    const { delta } = snapshotDelta(before, { ...after, startedAt: after.startedAt + 1000 });
    expect(delta).to.deep.include({ pod: 'a', service: 'trips', seconds: 10 });
    expect(delta!.inbound.requestsByCode).to.deep.equal({ '200': 20, '503': 2 });
    expect(delta!.inbound.latency.cumulative.at(-1)).to.equal(22);
    expect(delta!.outbound[0]).to.deep.include({ destination: 'poi', attempts: 4, bytesSent: 400 });
  });

  it('counts a destination first called in between from zero', () => {
    const { delta } = snapshotDelta(before, {
      ...after,
      outbound: [...after.outbound, outbound('user-java', { '200': 3 })],
    });
    expect(delta!.outbound.find(({ destination }) => destination === 'user-java')!.attempts).to.equal(3);
  });

  for (const [what, changed, reason] of [
    ['a restart', { startedAt: 900_000 }, /trips\/a: the proxy restarted/],
    ['another pod', { podUid: 'uid-b' }, /another pod/],
    ['a code that went back', { inbound: traffic({ '200': 9 }) }, /went back.*inbound code 200/],
    ['a destination that went back', { outbound: [outbound('poi', { '200': 1 })] }, /to poi attempts/],
    ['a destination that vanished', { outbound: [] }, /poi is no longer counted/],
    ['swapped snapshots', { takenAt: 999_999 }, /not later/],
  ] as const) {
    it(`gives no delta but a reason after ${what}`, () => {
      const result = snapshotDelta(before, { ...after, ...changed } as typeof after);
      expect(result.delta).to.equal(undefined);
      expect(result.reason).to.match(reason);
    });
  }

  it('names pods seen on one side only', () => {
    const { deltas, problems } = snapshotDeltas(
      [before, snapshot('trips', 'b')],
      [after, snapshot('trips', 'c', later)],
    );
    expect(deltas).to.have.length(1);
    expect(problems).to.deep.equal(['trips/b: no metrics at the end', 'trips/c: no metrics at the start']);
  });
});

describe('goldenSignals', () => {
  const pods = (
    service: string,
    make: () => [Partial<ReturnType<typeof snapshot>>, Partial<ReturnType<typeof snapshot>>],
  ) =>
    [0, 1].map((index) => {
      const [before, after] = make();
      const { delta, reason } = snapshotDelta(
        snapshot(service, `${service}-${index}`, before),
        snapshot(service, `${service}-${index}`, { ...later, ...after }),
      );
      if (!delta) throw new Error(reason);
      return delta;
    });
  const deltas = [
    ...pods('viewer', () => [
      { outbound: [outbound('trips', { '200': 100 })] },
      { outbound: [outbound('trips', { '200': 190, '503': 10 }, { attempts: 215, retries: 15, retryOverflow: 1 })] },
    ]),
    ...pods('trips', () => [
      {},
      {
        inbound: traffic({ '200': 80, '404': 10, '503': 10 }),
        outbound: [
          outbound('postgres', {}, { connections: 0, tlsHandshakes: 4, bytesSent: 5000, bytesReceived: 45000 }),
        ],
      },
    ]),
    ...pods('postgres', () => [
      {},
      { inbound: { ...traffic({}), connections: 0, tlsHandshakes: 4, bytesSent: 5000, bytesReceived: 5000 } },
    ]),
  ];
  const signals: GoldenSignals[] = goldenSignals({ scenario: 's', arm: 'treatment', phase: 'baseline', deltas });
  const find = (source: string, destination: string): GoldenSignals =>
    signals.find((row) => row.source === source && row.destination === destination)!;

  it('sums an edge over replicas, by the client proxy', () => {
    expect(find('viewer', 'trips')).to.deep.include({
      reporter: 'client-proxy',
      protocol: 'http',
      rps: 20,
      errorsPerSecond: 2,
      successRate: 0.9,
      tls: true,
    });
    expect(find('viewer', 'trips').saturation).to.deep.include({
      attempts: 230,
      retries: 30,
      retryOverflow: 2,
      healthyEndpoints: 2,
      endpoints: 2,
    });
  });

  it('sums a service over replicas, by the server proxy; 4xx is no error', () => {
    expect(find('*', 'trips')).to.deep.include({
      reporter: 'server-proxy',
      rps: 20,
      errorsPerSecond: 2,
      successRate: 0.9,
      p50Ms: 50.5,
    });
    expect(find('*', 'trips').saturation).to.deep.include({ replicas: 2, memoryBytes: 30e6, activeConnections: 2 });
  });

  it('knows TCP traffic by its bytes when connections are pooled', () => {
    expect(find('trips', 'postgres')).to.deep.include({
      protocol: 'tcp',
      rps: 0,
      successRate: null,
      p50Ms: null,
      tls: true,
    });
    expect(find('trips', 'postgres').saturation['bytesPerSecond']).to.equal(10_000);
    expect(find('*', 'postgres').saturation['bytesPerSecond']).to.equal(2000);
  });

  it('keeps an edge without traffic as a row with zeroes', () => {
    const idle = goldenSignals({
      scenario: 's',
      arm: 'a',
      phase: 'p',
      deltas: pods('viewer', () => [{ outbound: [outbound('poi', {})] }, { outbound: [outbound('poi', {})] }]),
    });
    expect(idle[0]).to.deep.include({ destination: 'poi', rps: 0, successRate: null, p99Ms: null, tls: false });
  });

  it('gives intervals, not points, for fixed buckets', () => {
    const latency = { exact: false, upperBoundsMs: [50, 100, Infinity], cumulative: [0, 9, 10], sumMs: 800 };
    const [, row] = goldenSignals({
      scenario: 's',
      arm: 'a',
      phase: 'p',
      deltas: pods('trips', () => [
        { outbound: [outbound('x', {})] },
        { outbound: [outbound('x', {})], inbound: { ...traffic({ '200': 10 }), latency } },
      ]),
    });
    expect(row).to.deep.include({
      p50Ms: null,
      p99Ms: null,
      intervalsMs: { p50: [50, 100], p95: [100, null], p99: [100, null] },
    });
  });

  it("puts the caller's own figures beside", () => {
    const load = {
      requests: 0,
      rps: 0,
      errorsPerSecond: 0,
      successRate: 0,
      p50Ms: NaN,
      p95Ms: NaN,
      p99Ms: NaN,
      dropped: 3,
    };
    expect(
      loadSignals({ scenario: 's', arm: 'a', phase: 'p', source: 'k6', destination: 'trips', load }),
    ).to.deep.include({
      reporter: 'k6',
      successRate: null,
      p50Ms: null,
      saturation: { droppedIterations: 3 },
    });
  });
});
