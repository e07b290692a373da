import { expect } from 'chai';
import { KubeApiError } from '../../../src/kube/kube-api-error.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import type { HttpExchange } from '../../../src/observe/capture/http1/conversation.ts';
import { seenPods, seePods } from '../../../src/views/seen-pods.ts';
import { tapEvents, tapLine, type TapEvent } from '../../../src/views/tap-events.ts';
import { servicesByIdentity, tapTargets } from '../../../src/views/tap-targets.ts';
import { Top, topTable } from '../../../src/views/top.ts';
import { seen } from './pods.ts';

const viewer = 'spiffe://mesh/ns/shop/sa/viewer';
const forwarded = `By=spiffe://mesh/ns/shop/sa/trips;Hash=ab;Subject="CN=a, O=b";URI=${viewer}`;
const exchange = (headers: Record<string, string> = {}, over: Partial<HttpExchange> = {}): HttpExchange => ({
  ...{
    atMs: Date.parse('2026-05-01T12:00:00.250Z'),
    method: 'GET',
    path: '/api/trips?a=1',
    status: 200,
    latencyMs: 12.3456,
  },
  headers: new Map(Object.entries(headers)),
  ...over,
});
const known = new Map([[viewer, 'viewer']]);
const event = (...args: Parameters<typeof exchange>): TapEvent =>
  tapEvents(seen('trips', 'trips-1'), known)(exchange(...args));

describe('meshproof tap', () => {
  it('names the caller by what the sidecar tells the app: then it came by mutual TLS', () => {
    expect(event({ 'x-forwarded-client-cert': forwarded })).to.deep.equal({
      id: 'trips-1/1',
      at: '2026-05-01T12:00:00.250Z',
      ...{ source: 'viewer', identity: viewer, destination: 'trips', pod: 'trips-1' },
      ...{ method: 'GET', path: '/api/trips?a=1', status: 200, latencyMs: 12.35, tls: true },
    });
    const stranger = event({ 'x-forwarded-client-cert': 'By=a;URI=spiffe://other/sa/x' });
    expect(stranger).to.include({ source: 'spiffe://other/sa/x', tls: true });
  });

  it('says who it seems to be where no identity was proven, and that it was no TLS', () => {
    expect(event({ 'user-agent': 'kube-probe/1.34 (x)' })).to.include({
      source: '(kube-probe/1.34)',
      identity: null,
      tls: false,
    });
    expect(event()).to.include({ source: '(unknown)', tls: false });
    expect(event({ 'x-forwarded-client-cert': 'Hash=ab' }), 'a certificate without a name').to.include({ tls: false });
  });

  it('believes only the header of the mesh in use', () => {
    const header = { name: 'x-own-id', read: (value: string) => (value === '' ? undefined : { uri: value }) };
    const read = tapEvents(seen('trips', 'trips-1'), known, header);
    expect(read(exchange({ 'x-own-id': viewer }))).to.include({ source: 'viewer', tls: true });
    expect(read(exchange({ 'x-forwarded-client-cert': forwarded })), 'anybody could have set it').to.include({
      tls: false,
    });
  });

  it('is a line each, with a dash where no answer came', () => {
    expect(tapLine(event({ 'x-forwarded-client-cert': forwarded }))).to.equal(
      '12:00:00.250  viewer -> trips  GET /api/trips?a=1  status=200  latency=12.3ms  tls=yes  pod=trips-1',
    );
    expect(tapLine(event({}, { status: undefined })))
      .to.contain('status=-  ')
      .and.to.contain('tls=no');
  });
});

describe('meshproof top', () => {
  it('counts by who calls whom for what, without the query; the busiest first', () => {
    const top = new Top();
    for (const [path, status, latencyMs] of [
      ['/a', 200, 5],
      ['/b?x=1', 200, 10],
      ['/b?x=2', 503, 30],
      ['/b', undefined, 20],
      ['/b', 404, 15],
    ] as const)
      top.add(event({ 'x-forwarded-client-cert': forwarded }, { path, status, latencyMs }));
    const rows = top.rows(10);
    expect(rows.map(({ id }) => id)).to.deep.equal(['viewer->trips GET /b', 'viewer->trips GET /a']);
    expect(rows[0]).to.include({ requests: 4, rps: 0.4, bestMs: 10, worstMs: 30, lastMs: 15, successRate: 0.5 });
    expect(topTable(rows).split('\n')[1]).to.match(/^viewer +trips +GET +\/b +4 +0\.4 +10 ms +30 ms +15 ms +50 %$/);
    expect(topTable(rows, 1)).to.match(/and 1 more$/);
    expect(new Top().rows(1)).to.deep.equal([]);
  });
});

const pod = (name: string, labels: Record<string, string>, over: Partial<KubeObject> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', uid: `uid-${name}`, labels },
  spec: { containers: [{ name: 'app' }, { name: 'toy-proxy' }] },
  status: { phase: 'Running' },
  ...over,
});
const service = (name: string, portName: string, app = name): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name } },
  spec: { selector: { app }, ports: [{ name: portName, port: 80, targetPort: 8080 }] },
});

describe('which pods a view sees', () => {
  it('those that live, by the Service that selects them', () => {
    const pods = [
      pod('trips-1', { app: 'trips' }),
      pod('bare', { app: 'trips' }, { spec: { containers: [{ name: 'app' }] } }),
      pod('done', { app: 'trips' }, { status: { phase: 'Succeeded' } }),
      pod('loadgen-1', { app: 'loadgen' }),
    ];
    expect(
      seenPods(pods, [service('tours', 'http', 'trips'), { ...service('none', 'http'), spec: {} }], 'toy-proxy').map(
        (each) => [each.service, each.ref.name, each.meshed],
      ),
    ).to.deep.equal([
      ['loadgen', 'loadgen-1', true],
      ['tours', 'bare', false],
      ['tours', 'trips-1', true],
    ]);
  });

  it('a namespace without any in the mesh is wrong usage, and so is one that is not there', async () => {
    const error = async (there: boolean) => {
      const kube = {
        list: async () => [],
        get: async () => {
          if (there) return {};
          throw new KubeApiError({ call: 'GET', httpStatus: 404, reason: 'NotFound', message: 'nowhere' });
        },
      };
      const mesh = { name: 'toy', sidecarContainer: 'toy-proxy' };
      return seePods(kube as never, mesh, 'nowhere').catch((thrown: unknown) => thrown);
    };
    expect(await error(true)).to.include({ code: 'MESHPROOF_USAGE', exitCode: 2 });
    expect(await error(true))
      .to.have.property('message')
      .that.matches(/No pod of the namespace nowhere is in the mesh/);
    expect(await error(false)).to.include({ code: 'MESHPROOF_USAGE', message: 'There is no namespace nowhere' });
  });
});

describe('which pods are tapped', () => {
  const objects = [service('trips', 'http'), service('postgres', 'tcp-postgres'), service('odd', 'odd')];
  const pods = [
    seen('trips', 'trips-1'),
    seen('trips', 'bare', false),
    seen('postgres', 'postgres-1'),
    seen('odd', 'odd-1'),
  ];
  const names = (service?: string) =>
    tapTargets(pods, objects, service).map(({ pod: { ref }, port }) => [ref.name, port]);

  it('those in the mesh whose Service speaks HTTP, or does not say', () => {
    expect(names()).to.deep.equal([
      ['trips-1', 8080],
      ['odd-1', 8080],
    ]);
    expect(names('trips')).to.deep.equal([['trips-1', 8080]]);
  });

  it('says why there is none', () => {
    expect(() => names('trip')).to.throw('There is no service trip; did you mean `trips`?');
    expect(() => names('postgres')).to.throw('speaks no HTTP/1');
    expect(() => tapTargets([seen('trips', 'bare', false)], objects, 'trips')).to.throw(
      'No pod of the service trips is in the mesh',
    );
    expect(() => tapTargets([], objects, undefined)).to.throw('No Service here speaks HTTP');
  });

  it('services that share an identity are named together', async () => {
    const certificates = async () => [{ identity: viewer, notBefore: 0, notAfter: 1 }];
    const found = await servicesByIdentity(pods, { certificates }, new AbortController().signal);
    expect([...found]).to.deep.equal([[viewer, 'odd or postgres or trips']]);
  });
});
