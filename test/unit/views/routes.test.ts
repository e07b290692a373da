import { expect } from 'chai';
import { proxyView } from '../../../src/meshes/consul/proxy-view.ts';
import { consulStatNames } from '../../../src/meshes/consul/names.ts';
import { readSnapshot } from '../../../src/meshes/envoy/snapshot.ts';
import type { ProxyRoute, ProxyWay } from '../../../src/meshes/proxy-view.ts';
import { parseEnvoyCounters } from '../../../src/observe/telemetry/envoy-histogram.ts';
import { snapshotDeltas } from '../../../src/observe/telemetry/delta.ts';
import type { ProxySnapshot } from '../../../src/observe/telemetry/snapshot.ts';
import { routeRows, routesTable } from '../../../src/views/routes.ts';
import { recorded } from '../meshes/recorded.ts';
import { later, outbound, snapshot } from '../observe/telemetry/snapshots.ts';

const between = (before: ProxySnapshot[], after: ProxySnapshot[]) => ({ after, ...snapshotDeltas(before, after) });
const nothing = { connections: 0, connectFailures: 0, handshakes: 0, badCertificates: 0, addresses: [] };
const told = (service: string, ...routes: ProxyRoute[]) => ({
  service,
  view: { ways: new Map<string, ProxyWay>([['trips', { ...nothing, routes }]]) },
});
const all: ProxyRoute = { pathPrefix: '/', retries: 4, onStatus: [503], timeoutMs: 1000 };
const viewer = snapshot('viewer', 'viewer-1');
const busy = snapshot('viewer', 'viewer-1', {
  ...later,
  outbound: [
    outbound('trips', { '200': 90, '503': 10 }, { attempts: 150, retries: 50, timeouts: 3 }),
    outbound('poi', {}),
  ],
});

describe('meshproof routes', () => {
  it('keeps what the caller gets apart from what goes out: retries make the one better, and the other more', () => {
    const rows = routeRows({ traffic: between([viewer], [busy]), views: [told('viewer', all)] });
    expect(rows).to.have.length(1);
    expect(rows[0]).to.include({
      id: 'viewer->trips',
      route: '*',
      effectiveSuccess: 0.9,
      effectiveRps: 10,
      actualSuccess: 0.6,
      actualRps: 15,
      retries: 50,
      timeouts: 3,
    });
    expect(rows[0]!.inForce).to.deep.equal([{ retries: 4, onStatus: [503], timeoutMs: 1000, proxies: 1 }]);
    expect(routesTable(rows).split('\n')[1]).to.match(
      /^viewer +trips +\* +90 % +10\.0 +60 % +15\.0 .* 4 on 503 +1\.00 s$/,
    );
  });

  it('shows routes with a rule of their own below, by the name of the app file, without figures', () => {
    const slow: ProxyRoute = { pathPrefix: '/api/slow', retries: 0, onStatus: [], timeoutMs: undefined };
    const odd: ProxyRoute = { ...slow, pathPrefix: undefined };
    const rows = routeRows({
      traffic: between([viewer], [busy]),
      views: [told('viewer', slow, odd, all)],
      names: [{ service: 'trips', name: 'slow-one', pathPrefix: '/api/slow' }],
    });
    expect(rows.map(({ id }) => id)).to.deep.equal(['viewer->trips', 'viewer->trips /api/slow', 'viewer->trips ?']);
    expect(rows[1]).to.include({ name: 'slow-one', effectiveRps: null, actualSuccess: null });
    expect(routesTable(rows).split('\n')[2]).to.match(/ \/api\/slow \(slow-one\) +- .* no +no$/);
  });

  it('says where proxies of one caller do not do the same', () => {
    const rows = routeRows({
      traffic: between([viewer], [busy]),
      views: [
        told('viewer', all),
        told('viewer', { ...all, retries: 0, onStatus: [] }),
        told('other', { ...all, retries: 9 }),
      ],
    });
    expect(rows[0]!.inForce.map(({ retries, proxies }) => [retries, proxies])).to.deep.equal([
      [4, 1],
      [0, 1],
    ]);
    expect(routesTable(rows)).to.contain('4 on 503 or no');
  });

  it('shows declared ways that nobody uses with dashes, and leaves out those of other services', () => {
    const edges = [{ source: 'viewer', destination: 'userprofile' }];
    const traffic = between([viewer], [busy]);
    const rows = routeRows({ traffic, views: [], edges });
    expect(rows.map(({ id }) => id)).to.deep.equal(['viewer->trips', 'viewer->userprofile']);
    expect(rows[1]).to.include({ effectiveSuccess: null, actualSuccess: null });
    expect(routesTable(rows).split('\n')[2]).to.match(/^viewer +userprofile +\*( +-){9}$/);
    expect(routeRows({ traffic, views: [], edges, service: 'userprofile' }).map(({ id }) => id)).to.deep.equal([
      'viewer->userprofile',
    ]);
  });

  it('reads what a real Envoy counted, and was told', () => {
    const subject = { pod: 'client-1', podUid: 'uid-client-1', service: 'client', startedAt: 500_000 };
    const now = readSnapshot(recorded('client-stats'), { ...subject, takenAt: 1_010_000 }, consulStatNames);
    const view = proxyView({
      info: { version: 'x/1.40.0/y', state: 'LIVE', uptime_current_epoch: '12s' },
      dump: JSON.parse(recorded('client-config-with-router')),
      certificates: JSON.parse(recorded('client-certs')),
      counters: parseEnvoyCounters(recorded('client-stats')),
    });
    const traffic = between([snapshot('client', 'client-1')], [now]);
    const [row] = routeRows({ traffic, views: [{ service: 'client', view }] });
    expect(row).to.include({ id: 'client->server', effectiveRps: 18.5, actualRps: 21.5, retries: 30, timeouts: 2 });
    expect(row!.effectiveSuccess).to.be.closeTo(143 / 185, 1e-9);
    expect(row!.actualSuccess).to.be.closeTo(143 / 215, 1e-3);
    expect(row!.inForce).to.deep.equal([{ retries: 4, onStatus: [503], timeoutMs: 1000, proxies: 1 }]);
    const patient = proxyView({
      info: { version: 'x/1.40.0/y', state: 'LIVE', uptime_current_epoch: '12s' },
      dump: JSON.parse(recorded('client-config-with-router').replace(/"timeout": *"1s"/g, '"timeout":"0s"')),
      certificates: JSON.parse(recorded('client-certs')),
      counters: new Map(),
    });
    const [forever] = routeRows({ traffic, views: [{ service: 'client', view: patient }] });
    expect(forever!.inForce, '0 is for ever').to.deep.equal([
      { retries: 4, onStatus: [503], timeoutMs: null, proxies: 1 },
    ]);
    const plain = proxyView({
      info: { version: 'x/1.40.0/y', state: 'LIVE', uptime_current_epoch: '12s' },
      dump: JSON.parse(recorded('client-config')),
      certificates: JSON.parse(recorded('client-certs')),
      counters: new Map(),
    });
    const [unruled] = routeRows({ traffic, views: [{ service: 'client', view: plain }] });
    expect(unruled!.inForce, 'Envoy waits 15 s where nobody says how long').to.deep.equal([
      { retries: 0, onStatus: [], timeoutMs: 15_000, proxies: 1 },
    ]);
  });
});
