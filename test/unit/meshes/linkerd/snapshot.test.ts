import { expect } from 'chai';
import { Metrics } from '../../../../src/meshes/linkerd/metrics.ts';
import { linkerdProxyView } from '../../../../src/meshes/linkerd/proxy-view.ts';
import { readSnapshot } from '../../../../src/meshes/linkerd/snapshot.ts';
import { quantile } from '../../../../src/observe/telemetry/histogram.ts';
import type { OutboundCounters } from '../../../../src/observe/telemetry/snapshot.ts';
import { recorded } from '../recorded.ts';

const of = (account: string): string => `${account}.shop.serviceaccount.identity.linkerd.cluster.local`;
const labels = (pairs: Record<string, string>): string =>
  Object.entries(pairs)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',');
const line = (name: string, pairs: Record<string, string>, value: number): string =>
  `${name}{${labels(pairs)}} ${value}`;

/** Labels as linkerd2-proxy's encoders give them (linkerd/app/core/src/metrics.rs, outbound/…/route/metrics/labels.rs). */
const route = (name = 'trips', namespace = 'shop') => ({
  parent_group: 'core',
  parent_kind: 'Service',
  parent_namespace: namespace,
  parent_name: name,
  parent_port: '80',
  parent_section_name: '',
  route_group: '',
  route_kind: 'default',
  route_namespace: '',
  route_name: 'http',
});
const inbound = (more: Record<string, string> = {}) => ({
  direction: 'inbound',
  target_addr: '10.1.0.5:8080',
  target_ip: '10.1.0.5',
  target_port: '8080',
  tls: 'true',
  client_id: of('viewer'),
  ...more,
});
const endpoint = {
  direction: 'outbound',
  peer: 'dst',
  target_port: '8080',
  tls: 'true',
  server_id: of('trips'),
  dst_namespace: 'shop',
  dst_service: 'trips',
};
const plain = { ...inbound({ tls: 'no_identity', no_tls_reason: 'no_tls_from_remote' }), client_id: '' };
const statuses = 'outbound_http_route_request_statuses_total';
const text = [
  'process_start_time_seconds 1700000000.5',
  'process_resident_memory_bytes 24000000',
  line('proxy_build_info', { version: '2.366.0' }, 1),
  line(statuses, { ...route(), http_status: '200', error: '' }, 90),
  line(statuses, { ...route(), http_status: '503', error: '' }, 3),
  line(statuses, { ...route(), http_status: '', error: 'REQUEST_TIMEOUT' }, 5),
  line(statuses, { ...route(), http_status: '', error: 'LOAD_SHED' }, 1),
  line(statuses, { ...route(), http_status: '', error: 'UNKNOWN' }, 1),
  line(statuses, { ...route('trips', 'shop-plain'), http_status: '200', error: '' }, 7),
  line('outbound_http_route_backend_requests_total', { ...route(), backend_name: 'trips' }, 130),
  line('outbound_http_route_retry_requests_total', route(), 31),
  line('outbound_http_route_retry_successes_total', route(), 28),
  line('outbound_http_route_retry_limit_exceeded_total', route(), 3),
  line('outbound_http_route_retry_overflow_total', route(), 2),
  ...['ready', 'pending'].map((state, index) =>
    line(
      'outbound_http_balancer_endpoints',
      { endpoint_state: state, backend_name: 'trips', backend_namespace: 'shop' },
      2 - index,
    ),
  ),
  line('tcp_open_total', endpoint, 4),
  line('tcp_open_total', { ...endpoint, tls: 'no_identity' }, 1),
  line('tcp_write_bytes_total', endpoint, 1000),
  line('tcp_read_bytes_total', endpoint, 9000),
  line('tcp_open_total', inbound({ peer: 'src' }), 6),
  line('tcp_open_total', { ...plain, peer: 'src' }, 2),
  line('tcp_open_total', { ...plain, peer: 'src', target_port: '4191' }, 50),
  line('tcp_open_connections', inbound({ peer: 'src' }), 3),
  line('control_request_total', { addr: 'linkerd-policy.linkerd.svc.cluster.local.:8090' }, 5),
  line(
    'control_response_total',
    { addr: 'linkerd-policy.linkerd.svc.cluster.local.:8090', classification: 'failure' },
    4,
  ),
  line('tcp_read_bytes_total', inbound({ peer: 'dst' }), 700),
  line('tcp_write_bytes_total', inbound({ peer: 'dst' }), 300),
  line('response_total', inbound({ status_code: '200', classification: 'success' }), 40),
  line('response_total', inbound({ status_code: '503', classification: 'failure' }), 2),
  line('response_total', { ...plain, status_code: '200', route_name: 'probe' }, 99),
  line('response_total', { ...plain, status_code: '200', target_port: '4191' }, 99),
  line('request_total', inbound(), 45),
  line('inbound_http_authz_deny_total', plain, 4),
  line('inbound_http_authz_deny_total', inbound({ client_id: of('stranger') }), 1),
  ...[
    ['5', 10],
    ['10', 40],
    ['+Inf', 42],
  ].flatMap(([le, count]) => line('response_latency_ms_bucket', inbound({ le: String(le) }), Number(count))),
  line('response_latency_ms_count', inbound(), 42),
  line('response_latency_ms_sum', inbound(), 300),
]
  .map((each) => `${each}\n`)
  .join('');
const subject = { pod: 'web-1', podUid: 'uid', service: 'web', namespace: 'shop', takenAt: 1_700_000_060_000 };

describe('what a proxy of Linkerd has counted', () => {
  const snapshot = readSnapshot(text, subject);
  const [edge, ...others] = snapshot.outbound;

  it('is told by service of its namespace, with its process', () => {
    expect(snapshot.startedAt).to.equal(1_700_000_000_500);
    expect(snapshot.saturation.memoryBytes).to.equal(24_000_000);
    expect(edge?.destination).to.equal('trips');
    expect(others).to.deep.equal([]);
  });

  it('gives what the proxy answers by itself the status that callers get', () => {
    expect(edge?.requestsByCode).to.deep.equal({ '200': 90, '503': 4, '504': 5, '502': 1 });
    expect(edge?.timeouts).to.equal(5);
  });

  it('has attempts and retries, and both kinds of connections', () => {
    expect(edge).to.deep.include({
      ...{ attempts: 130, retries: 31, retrySuccesses: 28, retriesExhausted: 3, retryOverflow: 2 },
      ...{ connections: 5, tlsHandshakes: 4, bytesSent: 1000, bytesReceived: 9000 },
      ...{ healthyEndpoints: 2, endpoints: 3 },
    });
  });

  it('counts what came for the app, and what a policy refused; neither probes nor its own admin port', () => {
    expect(snapshot.inbound.requestsByCode).to.deep.equal({ '200': 40, '503': 2, '403': 5 });
    expect(snapshot.inbound).to.deep.include({
      ...{ connections: 8, tlsHandshakes: 6, bytesSent: 700, bytesReceived: 300 },
    });
  });

  it('has latency in fixed buckets: a quantile is an interval', () => {
    expect(quantile(snapshot.inbound.latency, 0.5)).to.deep.equal({ lowMs: 5, highMs: 10 });
  });

  it('shows full queues as refused, and requests that are under way', () => {
    expect(snapshot.saturation).to.deep.include({ pendingOverflow: 1, activeConnections: 3 });
  });
});

/** Labels as linkerd2-proxy gives them to routes of ServiceProfiles (linkerd/app/core/src/metrics.rs, http/metrics). */
const profiled = (more: Record<string, string> = {}) => ({
  direction: 'outbound',
  dst: 'trips.shop.svc.cluster.local:80',
  rt_route: 'all',
  ...more,
});
const answered = (more: Record<string, string>) => profiled({ grpc_status: '', error: '', ...more });
const failed = (error: string) => answered({ classification: 'failure', error });
const profileText = [
  line('route_request_total', profiled(), 100),
  line('route_response_total', answered({ status_code: '200', classification: 'success' }), 92),
  line('route_response_total', answered({ status_code: '503', classification: 'failure' }), 3),
  line('route_response_total', failed('timeout'), 4),
  line('route_response_total', failed('unclassified'), 1),
  line('route_actual_request_total', profiled(), 131),
  line('route_actual_response_total', answered({ status_code: '503', classification: 'failure' }), 34),
  // All that could be tried again, and once more apart those for which there was no budget.
  line('route_retryable_total', profiled(), 34),
  line('route_retryable_total', profiled({ skipped: 'no_budget' }), 3),
  // The server's side of the same profile, and another namespace's service.
  line('route_response_total', { ...answered({ status_code: '200' }), direction: 'inbound' }, 77),
  line('route_response_total', { ...answered({ status_code: '200' }), dst: 'trips.other.svc.cluster.local:80' }, 55),
]
  .map((each) => `${each}\n`)
  .join('');

describe('what a proxy of Linkerd has counted of a service with a ServiceProfile', () => {
  const edges = (more = ''): OutboundCounters[] => readSnapshot(profileText + more, subject).outbound;

  it('is what its callers got, by status; what it ends by itself is a timeout', () => {
    const [edge, ...others] = edges();
    expect(others).to.deep.equal([]);
    expect(edge?.destination).to.equal('trips');
    expect(edge?.requestsByCode).to.deep.equal({ '200': 92, '503': 3, '504': 4, '502': 1 });
    expect(edge?.timeouts).to.equal(4);
  });

  it('is tries and retries; those that the budget refused are not among them', () => {
    expect(edges()[0]).to.deep.include({ attempts: 131, retries: 31, retryOverflow: 3, retriesExhausted: 0 });
  });

  it('is, by a real proxy, all of its calls: before there was a ServiceProfile, by it, and when everything failed', () => {
    const { outbound } = readSnapshot(recorded('linkerd-profile-metrics', 'txt'), { ...subject, namespace: 'trial' });
    expect(outbound.map(({ destination }) => destination)).to.deep.equal(['server']);
    expect(outbound[0]?.requestsByCode).to.deep.equal({ '200': 164 + 469, '503': 66 + 257, '504': 6 });
    expect(outbound[0]).to.deep.include({
      ...{ attempts: 244 + 993, retries: 14 + 261, retryOverflow: 200, timeouts: 6 },
      ...{ connections: 8, tlsHandshakes: 8, endpoints: 2, healthyEndpoints: 2 },
    });
  });

  it('is added to what was counted before the service had one', () => {
    const [edge] = edges(text);
    expect(edge?.requestsByCode).to.deep.equal({ '200': 182, '503': 7, '504': 9, '502': 2 });
    expect(edge).to.deep.include({ attempts: 261, retries: 62, retryOverflow: 5, timeouts: 9 });
  });
});

describe('what a proxy of Linkerd shows of its calls', () => {
  const view = (change: { metrics?: string; plaintext?: boolean; inbound?: boolean } = {}) =>
    linkerdProxyView(new Metrics(change.metrics ?? text), {
      addresses: new Map([
        ['trips', '10.96.0.7'],
        ['poi', '10.96.0.8'],
      ]),
      identity: of('web'),
      inbound:
        change.inbound === false ? [] : [{ lets: ['viewer'], plaintext: change.plaintext === true, byDefault: false }],
      now: 1_700_000_060_500,
    });

  it('is a way to every Service, with what it has done there', () => {
    expect(view().ways.get('trips')).to.deep.include({ addresses: ['10.96.0.7'], connections: 5, handshakes: 4 });
    expect(view().ways.get('poi')).to.deep.include({ connections: 0, handshakes: 0 });
    expect(view().uptimeMs).to.equal(60_000);
  });

  it('is whether it is connected to who tells it of others', () => {
    expect(view().connected).to.equal(true);
    const alone = text.replace(/(control_response_total.*) 4\n/, '$1 5\n');
    expect(view({ metrics: alone }).connected, 'its watch has ended').to.equal(false);
    expect(view({ metrics: alone, inbound: false }).connected, 'it has nothing to watch').to.equal(true);
  });

  it('is who is let in, and who was refused for want of what', () => {
    expect([...view().lets!]).to.deep.equal(['viewer']);
    expect(view().refused).to.deep.equal({ notTls: 4, noCertificate: 0, badCertificate: 0, denied: 1 });
    expect([...view({ plaintext: true }).lets!]).to.deep.equal(['*']);
    expect(view({ inbound: false }).lets).to.equal(undefined);
  });
});
