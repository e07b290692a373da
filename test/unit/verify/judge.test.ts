import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openEvidence } from '../../../src/evidence/store.ts';
import type { HealthCheck } from '../../../src/observe/health/health.ts';
import { certificateProblems } from '../../../src/observe/health/sidecars.ts';
import { recomputeAll } from '../../../src/judge/recompute-all.ts';
import type { SidecarProblem } from '../../../src/meshes/adapter.ts';
import type { ProxyView } from '../../../src/meshes/proxy-view.ts';
import type { ProxySnapshot } from '../../../src/observe/telemetry/snapshot.ts';
import { edgeRows, type ProxyFacts } from '../../../src/views/edges.ts';
import { judgeSeen } from '../../../src/verify/judge.ts';
import { calledServices, identitiesOf, modesOf, type Seen } from '../../../src/verify/look.ts';
import { exactAt, later, outbound, snapshot, traffic } from '../observe/telemetry/snapshots.ts';
import { seen as pod } from '../views/pods.ts';

interface Given {
  /** Answers of trips in the window, by status. */
  codes?: Record<string, number>;
  /** Of viewer’s proxy towards trips. */
  handshakes?: number;
  permissive?: boolean;
  sidecars?: SidecarProblem[] | null;
  problems?: string[];
  health?: Partial<HealthCheck>[];
  missing?: string[];
  identities?: string[];
}

describe('verify, judged from what was seen', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-verify-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** By id the status of each assertion. viewer calls trips. */
  async function statuses(given: Given = {}): Promise<Record<string, string>> {
    const { codes = { '200': 40 }, handshakes = 4, permissive = false, identities = ['spiffe://m/trips'] } = given;
    const { sidecars = [], problems = [], health = [{ status: 'pass' }], missing = [] } = given;
    const evidence = await openEvidence(folder);
    const looks = (over: object, sent: Record<string, number>): ProxySnapshot[] => [
      snapshot('viewer', 'viewer-1', { ...over, outbound: [outbound('trips', sent)] }),
      snapshot('trips', 'trips-1', {
        ...over,
        inbound: {
          ...traffic(sent),
          latency: exactAt(
            50,
            Object.values(sent).reduce((sum, count) => sum + count, 0),
          ),
        },
      }),
    ];
    const before = looks({}, {});
    const after = looks(later, codes);
    const refused = { notTls: 0, noCertificate: 0, badCertificate: 0, denied: 0 };
    const view: ProxyView = { uptimeMs: 60_000, connected: true, ways: new Map(), permissive: false, refused };
    const way = { addresses: [], connections: 4, connectFailures: 0, handshakes, badCertificates: 0 };
    const proxies: ProxyFacts[] = [
      {
        pod: { ...pod('viewer', 'viewer-1'), called: false },
        view: { ...view, lets: new Set(['*']), ways: new Map([['trips', way]]) },
        identities: ['spiffe://m/viewer'],
        inbound: { connections: 0, handshakes: 0 },
      },
      {
        pod: pod('trips', 'trips-1'),
        view: { ...view, permissive, lets: new Set(['*']) },
        identities,
        inbound: { connections: 4, handshakes: 4 },
      },
    ];
    const write = (name: string, value: unknown) => evidence.json(`evidence/verify/seen/${name}.json`, value);
    const edges = edgeRows({ pods: proxies.map((proxy) => proxy.pod), proxies });
    const checks = health.map((over, index) => ({ id: `mesh/${index}`, title: 'x', observed: 'x', ...over }));
    const what: Seen = {
      health: { takenAt: 0, status: 'pass', checks: [], baseline: { eventsUntil: 0, pods: {} } },
      edges,
      called: calledServices(proxies, after),
      files: {
        health: await write('health', { checks }),
        sidecars: await write('sidecars', { problems: sidecars }),
        problems: await write('problems', problems),
        edges: await write('edges', edges),
        modes: await write('modes', modesOf(proxies)),
        identities: await write('identities', identitiesOf(proxies)),
        before: await write('before', before),
        after: await write('after', after),
      },
    };
    const ground = {
      namespace: 'shop',
      missing: await write('rights', missing),
      bounds: { errorsAtMost: 0.01, minRequests: 10 },
    };
    const assertions = await judgeSeen(what, ground, evidence);
    expect(await recomputeAll(assertions, evidence.reader), '`report check` says the same').to.deep.equal([]);
    return Object.fromEntries(assertions.map(({ id, status }) => [id, status]));
  }

  /** What differs from a namespace in which all is well. */
  async function changed(given: Given): Promise<Record<string, string>> {
    const [fine, now] = [await statuses(), await statuses(given)];
    return Object.fromEntries(Object.entries(now).filter(([id, status]) => fine[id] !== status));
  }

  it('passes where all is well', async () => {
    expect(await statuses()).to.deep.equal({
      'verify/rights': 'pass',
      'verify/proxies': 'pass',
      'verify/health': 'pass',
      'verify/sidecars': 'pass',
      'verify/mode/trips': 'pass',
      'verify/edges/viewer--trips': 'pass',
      'verify/identities': 'pass',
      'verify/signals/trips': 'pass',
    });
  });

  it('goes red on a plaintext edge', async () => {
    expect(await changed({ handshakes: 0 })).to.deep.equal({ 'verify/edges/viewer--trips': 'fail' });
  });

  it('goes red on a permissive mode', async () => {
    expect(await changed({ permissive: true })).to.deep.equal({ 'verify/mode/trips': 'fail' });
  });

  it('goes red on a replica without a sidecar', async () => {
    const bare = { pod: 'x', namespace: 'shop', service: 'trips', problem: 'no-sidecar', detail: 'plaintext' } as const;
    expect(await changed({ sidecars: [bare] })).to.deep.equal({ 'verify/sidecars': 'fail' });
  });

  it('goes red on an error rate above the bound, and not below it', async () => {
    expect(await changed({ codes: { '200': 197, '503': 3 } })).to.deep.equal({ 'verify/signals/trips': 'fail' });
    expect(await changed({ codes: { '200': 199, '503': 1 } })).to.deep.equal({});
    expect(await changed({ codes: { '200': 30, '404': 10 } }), 'the caller’s fault').to.deep.equal({});
  });

  it('goes red on a certificate that has expired or is about to, and on any other check that failed', async () => {
    const now = Date.parse('2026-05-01T12:00:00Z');
    const held = (notAfter: number) =>
      certificateProblems('trips-1', [{ identity: 'spiffe://m/trips', notBefore: 0, notAfter }], {
        now,
        minLeftMs: 600_000,
      });
    expect(held(now + 3_600_000)).to.deep.equal([]);
    expect(held(now - 1000)[0]).to.include('expired');
    expect(held(now + 1000)[0]).to.include('less than');
    expect(await changed({ health: [{ status: 'pass' }, { status: 'fail' }] })).to.deep.equal({
      'verify/health': 'fail',
    });
  });

  it('goes red where two services cannot be told apart', async () => {
    expect(await changed({ identities: ['spiffe://m/viewer'] })).to.deep.equal({ 'verify/identities': 'fail' });
  });

  it('has no conclusion of what could not be seen, and never a pass', async () => {
    expect(await changed({ codes: {} }), 'no traffic').to.deep.equal({
      'verify/edges/viewer--trips': 'invalid',
      'verify/signals/trips': 'invalid',
    });
    expect(await changed({ codes: { '200': 9 } }), 'too little').to.deep.equal({ 'verify/signals/trips': 'invalid' });
    expect(await changed({ missing: ['list nodes in the whole cluster'] })).to.deep.equal({
      'verify/rights': 'invalid',
    });
    expect(await changed({ sidecars: null })).to.deep.equal({ 'verify/sidecars': 'invalid' });
    expect(await changed({ health: [{ status: 'invalid' }] })).to.deep.equal({ 'verify/health': 'invalid' });
    expect(await changed({ problems: ['trips-1: its proxy cannot be asked'] })).to.deep.equal({
      'verify/proxies': 'invalid',
      'verify/identities': 'invalid',
    });
  });
});
