import { expect } from 'chai';
import type { ProxyView, ProxyWay } from '../../../src/meshes/proxy-view.ts';
import { edgeRows, edgesTable, type ProxyFacts } from '../../../src/views/edges.ts';
import { seeEdges } from '../../../src/views/see-edges.ts';
import { snapshot, traffic } from '../observe/telemetry/snapshots.ts';
import { seen } from './pods.ts';

const way = (over: Partial<ProxyWay> = {}): ProxyWay => ({
  ...{ addresses: [], connections: 4, connectFailures: 0, handshakes: 4, badCertificates: 0 },
  ...over,
});
const view = (over: Partial<ProxyView> = {}): ProxyView => ({
  ...{ uptimeMs: 60_000, connected: true, ways: new Map(), permissive: false },
  refused: { notTls: 0, noCertificate: 0, badCertificate: 0, denied: 0 },
  ...over,
});
const proxy = (service: string, over: Partial<ProxyView> = {}, facts: Partial<ProxyFacts> = {}): ProxyFacts => ({
  pod: seen(service, `${service}-1`),
  view: view(over),
  identities: [`spiffe://mesh/ns/shop/sa/${service}`],
  inbound: { connections: 4, handshakes: 4 },
  ...facts,
});
const viewer = (trips: Partial<ProxyWay> = {}) => proxy('viewer', { ways: new Map([['trips', way(trips)]]) });
const rowsOf = (proxies: ProxyFacts[], more: Partial<Parameters<typeof edgeRows>[0]> = {}) =>
  edgeRows({ pods: proxies.map(({ pod }) => pod), proxies, ...more });

describe('meshproof edges', () => {
  it('names both ends by their certificates, and is secured where each connection had its handshake', () => {
    const rows = rowsOf([viewer({ connections: 5, connectFailures: 1 }), proxy('trips')]);
    expect(rows).to.have.length(1);
    expect(rows[0]).to.deep.include({
      id: 'viewer->trips',
      clientIdentities: ['spiffe://mesh/ns/shop/sa/viewer'],
      serverIdentities: ['spiffe://mesh/ns/shop/sa/trips'],
      secured: true,
      plaintextTaken: false,
    });
    expect(rows[0]!.message).to.equal('4 TLS handshakes in 4 connections, certificates of both');
    expect(edgesTable(rows).split('\n')[1]).to.match(/^viewer +trips +…\/sa\/viewer +…\/sa\/trips +√ +4 TLS/);
  });

  it('is not secured where a connection had none', () => {
    const [row] = rowsOf([viewer({ handshakes: 3 }), proxy('trips')]);
    expect(row).to.include({ secured: false });
    expect(row!.message).to.match(/^3 TLS handshakes in 4 connections/);
    expect(edgesTable([row!])).to.contain('× no');
  });

  it('is not secured where one end is outside of the mesh, though no proxy counts it', () => {
    const pods = [seen('viewer', 'viewer-1'), seen('postgres', 'postgres-1', false)];
    const edges = [{ source: 'viewer', destination: 'postgres' }];
    const [row] = edgeRows({ pods, proxies: [proxy('viewer')], edges });
    expect(row).to.include({ id: 'viewer->postgres', secured: false });
    expect(row!.message).to.equal('no pod of postgres is in the mesh: plaintext');
  });

  it('is unknown where nobody has connected yet, and says so of certificates that were refused', () => {
    const edges = [{ source: 'viewer', destination: 'trips' }];
    const [row] = rowsOf([proxy('viewer'), proxy('trips')], { edges });
    expect(row).to.include({ secured: null, message: 'no connection since the proxies started' });
    expect(edgesTable([row!])).to.match(/sa\/trips +- +no connection/);
    const [refused] = rowsOf([viewer({ connectFailures: 4, handshakes: 0, badCertificates: 4 }), proxy('trips')]);
    expect(refused).to.include({ secured: null, message: 'certificates were not accepted' });
  });

  it('adds up replicas, and names one that is outside of the mesh', () => {
    const second = { ...viewer({ handshakes: 0 }), pod: seen('viewer', 'viewer-2') };
    expect(rowsOf([viewer(), second, proxy('trips')])[0]).to.include({ secured: false, handshakes: 4, connections: 8 });
    const pods = [seen('viewer', 'viewer-1'), seen('trips', 'trips-1'), seen('trips', 'trips-bare', false)];
    const [row] = edgeRows({ pods, proxies: [viewer(), proxy('trips')] });
    expect(row).to.include({ secured: true });
    expect(row!.message).to.contain('without a sidecar: trips-bare');
  });

  it('tells of plaintext that a permissive server takes, beside callers that use TLS', () => {
    const open = proxy('trips', { permissive: true }, { inbound: { connections: 9, handshakes: 4 } });
    const rows = rowsOf([viewer(), open]);
    expect(rows.map(({ id, secured }) => [id, secured])).to.deep.equal([
      ['(outside the mesh)->trips', false],
      ['viewer->trips', true],
    ]);
    expect(rows[0]!.message).to.contain('5 connections without TLS');
    expect(edgesTable(rows)).to.match(/viewer +trips .* permissive$/m);
    const strict = proxy('trips', {}, { inbound: { connections: 9, handshakes: 4 } });
    expect(rowsOf([viewer(), strict]), 'refused, so nobody got in').to.have.length(1);
  });

  it('is not known where the proxies leave out handshakes: that is no plaintext', () => {
    const uncounted = 'ssl.handshake';
    const caller = proxy('viewer', { uncounted, ways: new Map([['trips', way({ handshakes: 0 })]]) });
    const open = proxy('trips', { uncounted, permissive: true }, { inbound: { connections: 4, handshakes: 0 } });
    const rows = rowsOf([caller, open]);
    expect(rows.map(({ id, secured }) => [id, secured])).to.deep.equal([['viewer->trips', null]]);
    expect(rows[0]!.message).to.equal('not known: its proxies leave out ssl.handshake');
  });

  it('two identities of one service are both shown', () => {
    const other = {
      ...proxy('trips', {}, { identities: ['spiffe://mesh/ns/shop/sa/other'] }),
      pod: seen('trips', 'trips-2'),
    };
    const [row] = rowsOf([viewer(), proxy('trips'), other]);
    expect(row!.serverIdentities).to.have.length(2);
  });

  it('are asked of the proxies, by the names that the mesh has', async () => {
    const pods = [seen('web', 'viewer-1'), seen('trips', 'trips-1'), seen('job', 'job-1', false)];
    const {
      proxies,
      pods: named,
      problems,
    } = await seeEdges(
      pods,
      {
        proxyView: async ({ name }) => {
          if (name === 'trips-1') throw new Error('connection refused');
          return view();
        },
        certificates: async () => [
          { identity: 'spiffe://mesh/viewer', notBefore: 0, notAfter: 1 },
          { identity: '', notBefore: 0, notAfter: 1 },
        ],
        metrics: async ({ name }) => snapshot('viewer', name, { inbound: { ...traffic({}), connections: 3 } }),
      },
      new AbortController().signal,
    );
    expect(problems).to.deep.equal(['trips-1: its proxy cannot be asked: connection refused']);
    expect(proxies).to.have.length(1);
    expect(proxies[0]).to.deep.include({
      identities: ['spiffe://mesh/viewer'],
      inbound: { connections: 3, handshakes: 0 },
    });
    expect(named.map(({ service }) => service)).to.deep.equal(['viewer', 'trips', 'job']);
  });
});
