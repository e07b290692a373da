import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { writeEvidence } from '../../../src/evidence/files.ts';
import { directoryReader } from '../../../src/evidence/reader.ts';
import { judge, type RuleInputs, type RuleName } from '../../../src/judge/recompute.ts';
import type { CountSource } from '../../../src/judge/rules/proxy-rules.ts';
import type { AppSnapshot } from '../../../src/observe/telemetry/app-metrics.ts';
import { emptyHistogram } from '../../../src/observe/telemetry/histogram.ts';
import type { ContainerUsage } from '../../../src/observe/telemetry/resources.ts';
import type { ProxySnapshot } from '../../../src/observe/telemetry/snapshot.ts';
import { snapshotsAt } from '../report/example-proxies.ts';

let dir: string;
let file = 0;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'meshproof-witness-'));
});
after(() => rm(dir, { recursive: true, force: true }));
const json = (value: object): Promise<string> => writeEvidence(dir, `evidence/${++file}.json`, value);

async function outcome<Name extends RuleName>(rule: Name, inputs: RuleInputs[Name]) {
  const { status, observed } = await judge(rule, inputs, { id: 'x', title: 'x' }, directoryReader(dir));
  return `${status}: ${observed}`;
}

/** A service that has answered so many requests since it started. */
const app = (requests: number, rest: Partial<AppSnapshot> = {}): AppSnapshot => ({
  pod: 'trips-1',
  podUid: 't1',
  service: 'trips',
  takenAt: 1,
  startedAt: 1000,
  requestsByCode: { '200': requests - 1, '404': 1 },
  latency: emptyHistogram(false),
  ...rest,
});

describe('three witnesses', () => {
  const looks = async (after: ProxySnapshot[]) => ({
    before: await json(snapshotsAt(1, 100)),
    after: await json(after),
  });

  /** The service’s proxies count 150 requests; its callers’ and the service itself what is told. */
  const sources = async (sent: number, told: AppSnapshot[]): Promise<CountSource[]> => {
    const proxies = await looks(snapshotsAt(2, 250));
    const callers = await looks(
      snapshotsAt(2, 250).map((snapshot) => ({
        ...snapshot,
        outbound: snapshot.outbound.map((out) => ({ ...out, attempts: 100 + sent })),
      })),
    );
    return [
      {
        from: 'all',
        of: [{ from: 'proxy', count: 'attempts', select: { ...callers, service: 'tripviewer', destination: 'trips' } }],
      },
      { from: 'proxy', count: 'requests', select: { ...proxies, service: 'trips' } },
      { from: 'app', select: { before: await json([app(500)]), after: await json(told), service: 'trips' } },
    ];
  };
  const of = async (sent: number, told: AppSnapshot[]) =>
    outcome('counts-agree', { sources: await sources(sent, told), share: 0.05 });

  it('that agree', async () => {
    expect(await of(150, [app(652)])).to.equal(
      'pass: proxy of tripviewer attempts 150, proxy of trips requests 150, trips itself 152',
    );
  });

  it('one that is off is proven wrong, and named; a proxy that is wrong is a failure', async () => {
    expect(await of(100, [app(650)])).to.match(
      /^fail: .*: proxy of tripviewer attempts 100 is wrong, the others agree$/,
    );
    expect(await of(150, [app(600)])).to.match(/^pass: .*: trips itself 100 is wrong, the others agree$/);
  });

  it('all three apart: nobody is proven wrong', async () => {
    expect(await of(100, [app(1000)])).to.match(/^invalid: .*the sources disagree$/);
    // Between the two others, near to both: either could be the one.
    expect(await outcome('counts-agree', { sources: await sources(142, [app(657)]), share: 0.055 })).to.match(
      /^invalid: .*the sources disagree$/,
    );
  });

  it('one that cannot tell is left out, with the reason; two that disagree prove nothing', async () => {
    const restarted = [app(650, { startedAt: 999_000 })];
    expect(await of(150, restarted)).to.match(/^pass: .*the process of trips-1 restarted in between$/);
    expect(await of(100, restarted)).to.match(/^invalid: .*the sources disagree$/);
    expect(await of(150, [])).to.match(/^pass: .*trips tells no metrics$/);
    expect(await of(150, [app(650, { podUid: 'new' })])).to.match(/^pass: .*told no metrics at the first look$/);
    expect(await of(150, [app(10)])).to.match(/^pass: .*restarted in between$/);
  });
});

describe('saturation', () => {
  const pods = snapshotsAt(1, 100).filter(({ service }) => service === 'trips');
  const usage = (at: number, change: Partial<ContainerUsage> = {}): ContainerUsage[] =>
    pods.map(({ pod, podUid }): ContainerUsage => ({
      pod,
      podUid,
      container: 'trips',
      at,
      // Half a core.
      cpuNanoseconds: at * 0.5e6,
      memoryBytes: 50e6,
      memoryLimitBytes: 100e6,
      cpuLimitCores: 2,
      ...change,
    }));
  const of = async (after: ContainerUsage[], edit: (snapshot: ProxySnapshot) => void = () => undefined) => {
    const now = snapshotsAt(2, 250);
    now.forEach(edit);
    return outcome('saturation-within', {
      usage: { before: await json(usage(10_000)), after: await json(after) },
      proxy: { before: await json(snapshotsAt(1, 100)), after: await json(now) },
      services: ['trips'],
      bounds: { memoryShare: 0.9, cpuShare: 0.95, pendingOverflow: 0 },
    });
  };

  it('within bounds', async () => {
    expect(await of(usage(20_000))).to.equal(
      `pass: 1 container: at most 50 % of memory, 25 % of CPU, no queue ran over`,
    );
  });

  it('memory, CPU and queues can fail, by name', async () => {
    expect(await of(usage(20_000, { memoryBytes: 95e6 }))).to.match(/^fail: trips-.*\/trips: 95 % of its memory/);
    expect(await of(usage(20_000, { cpuNanoseconds: 5e9 + 19.9e9 }))).to.match(
      /^fail: trips-.*\/trips: 99\.5 % of its CPU/,
    );
    expect(await of(usage(20_000), ({ saturation }) => (saturation.pendingOverflow += 3))).to.match(
      /^fail: trips-.*: 3 requests refused, the queue was full/,
    );
  });

  it('what was not measured is not known', async () => {
    expect(await of([])).to.match(/^invalid: the kubelet told nothing of/);
    expect(await of(usage(10_000))).to.equal('invalid: the kubelet measured no CPU between the two looks');
    expect(await of(usage(20_000), (snapshot) => (snapshot.startedAt += 60_000))).to.match(/^invalid: .*restarted/);
  });
});
