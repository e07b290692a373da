import { expect } from 'chai';
import { consulStatNames } from '../../../src/meshes/consul/names.ts';
import { readSnapshot } from '../../../src/meshes/envoy/snapshot.ts';
import { snapshotDeltas } from '../../../src/observe/telemetry/delta.ts';
import type { ProxySnapshot } from '../../../src/observe/telemetry/snapshot.ts';
import { statRows, statTable } from '../../../src/views/stat.ts';
import { watchTraffic } from '../../../src/views/watch-traffic.ts';
import { recorded } from '../meshes/recorded.ts';
import { later, snapshot, traffic } from '../observe/telemetry/snapshots.ts';
import { seen } from './pods.ts';

const between = (before: ProxySnapshot[], after: ProxySnapshot[]) => ({ after, ...snapshotDeltas(before, after) });
const idle = snapshot('trips', 'trips-1');
const tcp = { ...traffic({}), connections: 5, bytesSent: 2048, bytesReceived: 0 };

describe('meshproof stat', () => {
  it('has success, rate and latency of a service from what its proxies counted between two looks', () => {
    const now = snapshot('trips', 'trips-1', { ...later, inbound: traffic({ '200': 90, '404': 5, '503': 5 }, 30) });
    const [row] = statRows([seen('trips', 'trips-1')], between([idle], [now]), 'service');
    expect(row).to.include({ id: 'trips', protocol: 'http', rps: 10, successRate: 0.95, meshedPods: 1, pods: 1 });
    expect(row!.p50Ms).to.be.within(30, 31);
    expect(statTable([row!]).split('\n')[1]).to.match(/^trips +1\/1 +95 % +10\.0 +31 ms +31 ms +31 ms +1 +-$/);
  });

  it('shows no traffic as a dash, never as success', () => {
    const rows = statRows([seen('trips', 'trips-1')], between([idle], [{ ...idle, ...later }]), 'service');
    expect(rows[0]).to.include({ successRate: null, protocol: null, p99Ms: null });
    const text = statTable(rows);
    expect(text.split('\n')[1]).to.match(/^trips +1\/1 +- +- +- +- +- +1 +-$/);
    expect(text).not.to.contain('%');
  });

  it('counts replicas that are outside of the mesh, and says nothing of a proxy that was not asked', () => {
    const pods = [seen('trips', 'trips-1'), seen('trips', 'trips-bare', false), seen('poi', 'poi-1')];
    const rows = statRows(pods, between([idle], [{ ...idle, ...later }]), 'service');
    expect(rows.map(({ id, meshedPods, pods: all }) => [id, meshedPods, all])).to.deep.equal([
      ['trips', 1, 2],
      ['poi', 1, 1],
    ]);
    expect(rows[1]).to.include({ openConnections: null, rps: null });
    expect(statTable(rows).split('\n')[2]).to.match(/^poi +1\/1( +-){7}$/);
  });

  it('has a row for each pod when asked, by the mesh’s own name of the service', () => {
    const pods = [seen('web', 'trips-1'), seen('web', 'trips-2')];
    const looks = [idle, snapshot('trips', 'trips-2')];
    const rows = statRows(
      pods,
      between(
        looks,
        looks.map((look) => ({ ...look, ...later })),
      ),
      'pod',
    );
    expect(rows.map(({ id, pod }) => [id, pod])).to.deep.equal([
      ['trips/trips-1', 'trips-1'],
      ['trips/trips-2', 'trips-2'],
    ]);
    expect(statTable(rows)).to.match(/^SERVICE +POD +MESHED/);
  });

  it('shows the bytes of a service that has no requests', () => {
    const now = snapshot('postgres', 'postgres-1', { ...later, inbound: tcp });
    const rows = statRows(
      [seen('postgres', 'postgres-1')],
      between([snapshot('postgres', 'postgres-1')], [now]),
      'service',
    );
    expect(rows[0]).to.include({ protocol: 'tcp', rps: null, successRate: null });
    expect(rows[0]!.bytesPerSecond).to.be.closeTo(204.8, 0.1);
  });

  it('reads what a real Envoy counted', () => {
    const subject = { pod: 'server-1', podUid: 'uid-server-1', service: 'server', startedAt: 500_000 };
    const now = readSnapshot(recorded('server-stats'), { ...subject, takenAt: 1_010_000 }, consulStatNames);
    const [row] = statRows([seen('server', 'server-1')], between([snapshot('server', 'server-1')], [now]), 'service');
    expect(row).to.include({ protocol: 'http', rps: 10.7 });
    expect(row!.successRate).to.be.closeTo(72 / 107, 1e-9);
  });
});

describe('two looks at proxies', () => {
  const clock = { now: () => 0, monotonicMs: () => 0, sleep: async () => {} };
  const watch = (metrics: () => Promise<ProxySnapshot>) =>
    watchTraffic(
      [seen('trips', 'trips-1'), seen('trips', 'bare', false)],
      { metrics },
      {
        ...{ windowMs: 10_000, clock, signal: new AbortController().signal },
      },
    );

  it('give what was counted between; pods without a proxy are not asked', async () => {
    const looks = [idle, { ...idle, ...later, inbound: traffic({ '200': 20 }) }];
    const { deltas, problems } = await watch(async () => looks.shift()!);
    expect(problems).to.deep.equal([]);
    expect(deltas.map(({ inbound }) => inbound.requestsByCode)).to.deep.equal([{ '200': 20 }]);
  });

  it('say of a proxy that restarted, or does not answer, that nothing is known: once', async () => {
    const looks = [idle, { ...idle, ...later, startedAt: 1_005_000 }];
    const restarted = await watch(async () => looks.shift()!);
    expect(restarted.deltas).to.deep.equal([]);
    expect(restarted.problems.join()).to.match(/trips-1: the proxy restarted/);
    const answers = [() => Promise.resolve(idle), () => Promise.reject(new Error('connection refused'))];
    const silent = await watch(() => answers.shift()!());
    expect(silent.problems).to.deep.equal(['trips-1: its proxy cannot be asked: connection refused']);
  });
});
