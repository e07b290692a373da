import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Assertion } from '../../../src/judge/assertion.ts';
import { Judging } from '../../../src/claims/judging.ts';
import { meshMetricsAgree } from '../../../src/claims/mesh-metrics.ts';
import { writeEvidence } from '../../../src/evidence/files.ts';
import { directoryReader } from '../../../src/evidence/reader.ts';
import { judge, type RuleInputs } from '../../../src/judge/recompute.ts';
import { clientName } from '../../../src/lab/client.ts';
import { emptyHistogram } from '../../../src/observe/telemetry/histogram.ts';
import type {
  LatencyHistogram,
  MeshTraffic,
  OutboundCounters,
  ProxySnapshot,
} from '../../../src/observe/telemetry/snapshot.ts';

let dir: string;
let file = 0;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'meshproof-mesh-metrics-'));
});
after(() => rm(dir, { recursive: true, force: true }));
const json = (value: object): Promise<string> => writeEvidence(dir, `evidence/${++file}.json`, value);

/** So many requests of 3 ms; `slow` of them took 400 ms. By the proxy exact, by the mesh in Envoy's fixed buckets. */
const exact = (n: number, slow = 0): LatencyHistogram => ({
  exact: true,
  upperBoundsMs: [3, 4, 400, 410, Infinity],
  cumulative: [0, n - slow, n - slow, n, n],
  sumMs: 0,
});
const buckets = (n: number, slow = 0): LatencyHistogram => ({
  exact: false,
  upperBoundsMs: [1, 5, 250, 500, Infinity],
  cumulative: [0, n - slow, n - slow, n, n],
  sumMs: 0,
});
type Codes = Record<string, number>;
const total = (codes: Codes): number => Object.values(codes).reduce((sum, n) => sum + n, 0);
const traffic = (codes: Codes): MeshTraffic => ({ requestsByCode: codes, latency: buckets(total(codes)) });

/** A proxy that has answered these, and its mesh's metrics of it. */
function proxy(counted: Codes, told: MeshTraffic | undefined, rest: Partial<ProxySnapshot> = {}): ProxySnapshot {
  const own = { requestsByCode: counted, latency: exact(total(counted)), connections: 1, tlsHandshakes: 1 };
  const outbound = { ...own, destination: 'web', attempts: total(counted) } as OutboundCounters;
  return {
    pod: 'web-1',
    podUid: 'w1',
    service: 'web',
    takenAt: 10_000,
    startedAt: 0,
    inbound: own,
    outbound: [outbound],
    saturation: { memoryBytes: 1, activeConnections: 0, activeRequests: 0, pendingOverflow: 0, circuitBreakerOpen: 0 },
    ...(told && { meshMetrics: { inbound: told, outbound: [{ ...told, destination: 'web' }] } }),
    ...rest,
  };
}
const first = proxy({ '200': 100 }, traffic({ '200': 100 }), { takenAt: 1000 });
const inputs = async (before: ProxySnapshot[], after: ProxySnapshot[]): Promise<RuleInputs['mesh-metrics-agree']> => ({
  before: await json(before),
  after: await json(after),
  service: 'web',
  share: 0.01,
  latencyShare: 0.1,
  quantiles: [{ quantile: 0.5, slackMs: 1 }],
});
async function outcome(after: ProxySnapshot, before = first, side: { destination?: string } = {}): Promise<string> {
  const wanted = { ...(await inputs([before], [after])), ...side };
  const { status, observed } = await judge('mesh-metrics-agree', wanted, { id: 'x', title: 'x' }, directoryReader(dir));
  return `${status}: ${observed}`;
}

describe('the mesh’s own metrics beside its proxies’ counters', () => {
  it('that tell the same of the same window', async () => {
    const codes = { '200': 390, '503': 10 };
    expect(await outcome(proxy(codes, traffic(codes)))).to.equal(
      'pass: the mesh’s metrics 300, its proxies’ counters 300, 0 in flight; p50 3.5 ms by the proxies, 1 ms to 5 ms by the mesh',
    );
    expect(await outcome(proxy(codes, traffic(codes)), first, { destination: 'web' }), 'at the caller').to.match(
      /^pass/,
    );
  });

  it('that count other requests are no conclusion: one of them lies', async () => {
    expect(await outcome(proxy({ '200': 400 }, traffic({ '200': 380 })))).to.equal(
      'invalid: the mesh’s metrics 280, its proxies’ counters 300, 0 in flight: 280 and 300 of status 200: the sources disagree',
    );
    expect(await outcome(proxy({ '200': 380 }, traffic({ '200': 400 }))), 'the other way').to.match(/^invalid/);
    expect(await outcome(proxy({ '200': 400 }, traffic({ '200': 100 }))), 'it stopped counting').to.match(/^invalid/);
  });

  it('that call failures something else are found by their status, the sum being the same', async () => {
    expect(await outcome(proxy({ '200': 350, '503': 50 }, traffic({ '200': 400 })))).to.match(
      /^invalid: .* 300.* 300.*: 300 and 250 of status 200, 0 and 50 of status 503: the sources disagree$/,
    );
  });

  it('may lack what was in flight, and no more', async () => {
    const busy = (activeRequests: number): Partial<ProxySnapshot> => ({
      saturation: { ...first.saturation, activeRequests },
    });
    const at = (missing: number, inFlight: number) =>
      outcome(proxy({ '200': 400 }, traffic({ '200': 400 - missing }), busy(inFlight)));
    expect(await at(3, 0), 'what ended between two readings: 1 %').to.match(/^pass/);
    expect(await at(4, 0)).to.match(/^invalid/);
    expect(await at(13, 10)).to.match(/^pass/);
    expect(await at(14, 10)).to.match(/^invalid/);
  });

  it('leave informational answers to the counters', async () => {
    expect(await outcome(proxy({ '100': 50, '200': 400 }, traffic({ '200': 400 })))).to.match(/^pass/);
  });

  it('that measure other latencies are no conclusion either', async () => {
    const codes = { '200': 400 };
    const slow = { ...traffic(codes), latency: { ...buckets(400, 290), cumulative: [0, 110, 110, 400, 400] } };
    expect(await outcome(proxy(codes, slow))).to.match(
      /^invalid: .*p50 3\.5 ms by the proxies, 250 ms to 500 ms by the mesh: the sources disagree$/,
    );
    const none = { ...traffic(codes), latency: emptyHistogram(false) };
    expect(
      await outcome(
        proxy(codes, none),
        proxy({ '200': 100 }, { ...none, requestsByCode: { '200': 100 } }, { takenAt: 1 }),
      ),
    ).to.match(/^pass: .*durations are not among them$/);
  });

  it('that are not there, went back or counted nothing are said to be so', async () => {
    expect(await outcome(proxy({ '200': 400 }, undefined))).to.equal(
      'invalid: the proxy of web/web-1 keeps no metrics of the mesh',
    );
    expect(await outcome(proxy({ '200': 400 }, traffic({ '200': 40 })))).to.match(/^invalid: .*went back/);
    expect(await outcome({ ...first, takenAt: 2000 })).to.match(/^invalid: .*nothing to compare$/);
    expect(await outcome(proxy({ '200': 400 }, traffic({ '200': 400 }), { podUid: 'w2' }))).to.match(/^invalid: web/);
  });
});

describe('what golden signals say of the mesh’s own metrics', () => {
  const codes = { '200': 400 };
  const judged = async (
    own: Parameters<typeof meshMetricsAgree>[0]['own'],
    { after = proxy(codes, traffic(codes)), keepers = ['web'] } = {},
  ): Promise<Assertion[]> => {
    const judging = new Judging(directoryReader(dir));
    const client = { pod: 'k6', podUid: 'k1', service: clientName };
    const start = await json([first, { ...first, ...client }]);
    const end = await json([after, { ...after, ...client }]);
    await meshMetricsAgree({
      ...{ id: 'golden', own, judging, given: [], services: ['web'] },
      arm: { proxy: { start, end, faultStart: start, faultEnd: end }, meshMetrics: keepers },
      latencyShare: 0.1,
      quantiles: [{ quantile: 0.5, slackMs: 1 }],
    });
    return judging.assertions;
  };

  it('is nothing where a mesh has none', async () => {
    expect(await judged(undefined)).to.deep.equal([]);
  });

  it('is that they do not apply, and why, where this installation has none', async () => {
    const [only, ...others] = await judged({ name: 'toy_*', none: 'a plain proxy' }, { keepers: [] });
    expect(others).to.deep.equal([]);
    expect(only).to.include({
      id: 'golden/mesh-metrics',
      status: 'skipped',
      observed: 'not applicable: a plain proxy',
    });
  });

  it('is a check at both ends of every service where proxies keep them, whoever installed it', async () => {
    for (const own of [{ name: 'toy_*' }, { name: 'toy_*', none: 'perhaps' }])
      expect((await judged(own)).map(({ id, status }) => [id, status])).to.deep.equal([
        ['golden/web/mesh-metrics-caller', 'pass'],
        ['golden/web/mesh-metrics-server', 'pass'],
      ]);
  });

  it('is no conclusion where they should be there and are not, or disagree', async () => {
    const missing = await judged({ name: 'toy_*' }, { after: proxy(codes, undefined), keepers: [] });
    expect(missing.map(({ status }) => status)).to.deep.equal(['invalid', 'invalid']);
    const off = await judged({ name: 'toy_*' }, { after: proxy(codes, traffic({ '200': 300 })) });
    expect(off.map(({ status }) => status)).to.deep.equal(['invalid', 'invalid']);
  });
});
