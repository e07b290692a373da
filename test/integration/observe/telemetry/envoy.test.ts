import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { directoryReader } from '../../../../src/evidence/reader.ts';
import { judge } from '../../../../src/judge/recompute.ts';
import type { LoadSample } from '../../../../src/load/load.ts';
import { readSnapshot, type StatNames } from '../../../../src/meshes/envoy/snapshot.ts';
import { snapshotDeltas } from '../../../../src/observe/telemetry/delta.ts';
import { parseEnvoyHistograms } from '../../../../src/observe/telemetry/envoy-histogram.ts';
import { goldenSignals } from '../../../../src/observe/telemetry/golden.ts';
import { countOf, quantile } from '../../../../src/observe/telemetry/histogram.ts';
import { writeEvidence, writeEvidenceLines } from '../../../../src/evidence/files.ts';
import { parsePrometheus } from '../../../../src/observe/telemetry/prometheus.ts';
import { prometheusHistograms } from '../../../../src/observe/telemetry/prometheus-histogram.ts';
import type { ProxySnapshot } from '../../../../src/observe/telemetry/snapshot.ts';
import { RealEnvoy } from './real-envoy.ts';

const names: StatNames = {
  isApp: (cluster) => cluster === 'local_app',
  isInbound: (prefix) => prefix === 'public_listener',
  inboundPort: 20000,
  serviceOf: (cluster) => cluster,
  outboundPrefix: (service) => `upstream.${service}`,
};
const statName = 'http.upstream.trips.downstream_rq_time';

describe('signals of a real Envoy', function () {
  this.timeout(600_000);
  let envoy: RealEnvoy;
  let sent = 0;
  let clock = 0;

  before(async () => {
    envoy = await RealEnvoy.start();
  });
  after(() => envoy?.[Symbol.asyncDispose]());

  async function snapshot(): Promise<ProxySnapshot> {
    const json = await envoy.stats(sent, (text) => countOf(parseEnvoyHistograms(text).get(statName)!));
    return readSnapshot(
      json,
      { pod: 'p', podUid: 'u', service: 'viewer', startedAt: 0, takenAt: (clock += 10_000) },
      names,
    );
  }
  async function calls(count: number, query: (index: number) => string): Promise<{ status: number; ms: number }[]> {
    const answers = [];
    for (let index = 0; index < count; index++) answers.push(await envoy.call(query(index)));
    sent += count;
    return answers;
  }
  /** Evidence files as a run writes them, with `answers` for what k6 saw. */
  async function judgeQuantile(
    answers: { status: number; ms: number }[],
    looks: { before: ProxySnapshot; after: ProxySnapshot },
    quantile: number,
  ): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'meshproof-envoy-'));
    try {
      const samples = answers.map(({ status, ms }, i): LoadSample => ({
        requestId: `r${i}`,
        startedAt: i,
        durationMs: ms,
        status,
        errorCode: 0,
        target: 'trips',
        ok: status < 500,
      }));
      const inputs = {
        load: { load: await writeEvidenceLines(dir, 'evidence/load.ndjson.gz', samples) },
        proxy: {
          before: await writeEvidence(dir, 'evidence/before.json', [looks.before]),
          after: await writeEvidence(dir, 'evidence/after.json', [looks.after]),
          service: 'viewer',
          destination: 'trips',
        },
        quantile,
        share: 0.1,
        slackMs: 5,
      };
      return (await judge('quantile-within', inputs, { id: 'x', title: 'x' }, directoryReader(dir))).status;
    } finally {
      await rm(dir, { recursive: true });
    }
  }

  it('agree with the client on counts, success and quantiles; fixed buckets give an interval that holds them', async () => {
    await calls(20, () => 'delay=120');
    const before = await snapshot();
    const answers = await calls(
      200,
      (index) => `delay=${index % 10 === 9 ? 150 : 40}&status=${index % 20 === 3 ? 500 : 200}`,
    );
    const after = await snapshot();
    const { deltas, problems } = snapshotDeltas([before], [after]);
    expect(problems).to.deep.equal([]);
    const slower = answers.map(({ status, ms }) => ({ status, ms: ms * 1.3 }));
    for (const q of [0.5, 0.95, 0.99]) {
      expect(await judgeQuantile(answers, { before, after }, q), `p${q * 100}`).to.equal('pass');
      // Two witnesses that disagree prove nothing about the mesh.
      expect(await judgeQuantile(slower, { before, after }, q), `p${q * 100}, slower`).to.equal('invalid');
    }
    const [edge] = goldenSignals({ scenario: 's', arm: 'a', phase: 'p', deltas });
    expect(edge).to.deep.include({
      source: 'viewer',
      destination: 'trips',
      rps: 20,
      errorsPerSecond: 1,
      successRate: 0.95,
    });

    const text = await envoy.text('/stats/prometheus');
    // Envoy's own tag rules split the dotted prefix: the name keeps its tail.
    const samples = parsePrometheus(text, { only: (name) => name.startsWith('envoy_http_trips_downstream_rq_time') });
    const [fixed] = prometheusHistograms(samples, 'envoy_http_trips_downstream_rq_time', { unit: 'ms' });
    expect(countOf(fixed!.histogram)).to.equal(sent);
    const median = quantile(fixed!.histogram, 0.5)!;
    expect(median.pointMs).to.equal(undefined);
    const times = answers.map(({ ms }) => ms).sort((a, b) => a - b);
    expect(times[99]).to.be.within(median.lowMs, median.highMs + 2);
  });

  it('count a request that was retried once, its attempts apart', async () => {
    const before = await snapshot();
    await calls(10, () => 'status=503');
    const { deltas } = snapshotDeltas([before], [await snapshot()]);
    const [out] = deltas[0]!.outbound;
    expect(out).to.deep.include({
      attempts: 30,
      retries: 20,
      retriesExhausted: 10,
      requestsByCode: { '200': 0, '500': 0, '503': 10 },
    });
  });

  it('hold the latency of requests that ran into the timeout', async () => {
    const before = await snapshot();
    const answers = await calls(5, () => 'delay=2000');
    const { deltas } = snapshotDeltas([before], [await snapshot()]);
    const [out] = deltas[0]!.outbound;
    expect(answers.map(({ status }) => status)).to.deep.equal([504, 504, 504, 504, 504]);
    expect(out).to.deep.include({ timeouts: 5 });
    expect(out!.requestsByCode['504']).to.equal(5);
    expect(quantile(out!.latency, 0.5)!.pointMs).to.be.within(290, 400);
  });

  it('tell a restarted proxy from a quiet one', async () => {
    const before = await snapshot();
    await envoy[Symbol.asyncDispose]();
    envoy = await RealEnvoy.start();
    sent = 0;
    await calls(1, () => 'status=200');
    const { deltas, problems } = snapshotDeltas([before], [await snapshot()]);
    expect(deltas).to.deep.equal([]);
    expect(problems[0]).to.match(/viewer\/p: counters went back/);
  });
});
