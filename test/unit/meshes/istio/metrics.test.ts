import { expect } from 'chai';
import { MeshproofError } from '../../../../src/base/errors.ts';
import { readIstioMetrics } from '../../../../src/meshes/istio/metrics.ts';
import { quantile } from '../../../../src/observe/telemetry/histogram.ts';

/** Labels in the order in which Istio's filter writes them (istio_stats.cc), of a request of `client` to `web`. */
const labels = {
  reporter: 'source',
  source_workload: 'client',
  source_canonical_service: 'client',
  source_canonical_revision: 'latest',
  source_workload_namespace: 'shop',
  source_principal: 'spiffe://cluster.local/ns/shop/sa/client',
  source_app: 'client',
  source_version: '',
  source_cluster: 'Kubernetes',
  destination_workload: 'web-v1',
  destination_workload_namespace: 'shop',
  destination_principal: 'spiffe://cluster.local/ns/shop/sa/web',
  destination_app: 'web',
  destination_version: 'v1',
  destination_service: 'web.shop.svc.cluster.local',
  destination_canonical_service: 'web',
  destination_canonical_revision: 'v1',
  destination_service_name: 'web',
  destination_service_namespace: 'shop',
  destination_cluster: 'Kubernetes',
  request_protocol: 'http',
  response_code: '200',
  grpc_response_status: '',
  response_flags: '-',
  connection_security_policy: 'unknown',
};
type Changes = Partial<Record<keyof typeof labels, string>>;
const set = (changes: Changes, more: object = {}): string =>
  Object.entries({ ...labels, ...changes, ...more })
    .map(([name, value]) => `${name}="${value}"`)
    .join(',');

const build = '# TYPE istio_build gauge\nistio_build{component="proxy",tag="1.31.4"} 1\n';
const counter = (...of: [number, Changes?][]): string =>
  `# TYPE istio_requests_total counter\n${of.map(([n, changes = {}]) => `istio_requests_total{${set(changes)}} ${n}\n`).join('')}`;
/** Envoy's own buckets, as far as they matter here. */
const histogram = (changes: Changes, upTo: Record<string, number>, count: number): string => {
  const name = 'istio_request_duration_milliseconds';
  const buckets = [...Object.entries(upTo), ['+Inf', count] as const];
  return [
    `# TYPE ${name} histogram`,
    ...buckets.map(([le, n]) => `${name}_bucket{${set(changes, { le })}} ${n}`),
    `${name}_sum{${set(changes)}} 3.0491803278688522915729208762059`,
    `${name}_count{${set(changes)}} ${count}\n`,
  ].join('\n');
};

describe('istio_* metrics of a sidecar', () => {
  const outbound = (...of: [number, Changes?][]) => readIstioMetrics(build + counter(...of), 'shop')!.outbound;

  it('are told by destination and status, at the caller', () => {
    expect(
      outbound(
        [298],
        [2, { response_code: '504', response_flags: 'UT' }],
        [5, { response_code: '200', source_version: 'v2' }],
        [7, { destination_service: 'db.shop.svc.cluster.local', destination_service_name: 'db' }],
      ).map(({ destination, requestsByCode }) => [destination, requestsByCode]),
    ).to.deep.equal([
      ['db', { '200': 7 }],
      ['web', { '200': 303, '504': 2 }],
    ]);
  });

  it('are told by status at the server, also what a policy refused', () => {
    const server: Changes = { reporter: 'destination', connection_security_policy: 'mutual_tls' };
    const seen = readIstioMetrics(
      counter([40, server], [3, { ...server, response_code: '403' }], [9]) + build,
      'shop',
    )!;
    expect(seen.inbound.requestsByCode).to.deep.equal({ '200': 40, '403': 3 });
    expect(seen.outbound.map(({ requestsByCode }) => requestsByCode)).to.deep.equal([{ '200': 9 }]);
  });

  it('are without what no cluster had to do with, or nobody answered: no counter of a cluster has it', () => {
    for (const changes of [
      { response_code: '0', response_flags: 'DC' },
      { response_code: '503', response_flags: 'FI' },
      { response_code: '429', response_flags: 'RL' },
      { response_code: '404', response_flags: 'NR', destination_service_namespace: 'unknown' },
      { response_code: '100' },
      { destination_service: 'web.other.svc.cluster.local', destination_service_namespace: 'other' },
      { destination_service: 'example.com', destination_service_name: 'PassthroughCluster' },
    ])
      expect(outbound([4, changes]), JSON.stringify(changes)).to.deep.equal([]);
    expect(outbound([4, { response_code: '503', response_flags: 'UF,URX' }])[0]?.requestsByCode).to.deep.equal({
      '503': 4,
    });
    const past = { reporter: 'destination', destination_service_name: 'InboundPassthroughCluster' };
    expect(readIstioMetrics(counter([4, past]), 'shop')!.inbound.requestsByCode).to.deep.equal({});
  });

  it('have durations in buckets, of all series of an edge together', () => {
    const text =
      build +
      counter([4], [1, { response_code: '503' }]) +
      histogram({}, { '0.5': 0, '1': 2, '5': 4, '10': 4 }, 4) +
      histogram({ response_code: '503' }, { '0.5': 0, '1': 0, '5': 0, '10': 1 }, 1);
    const { latency } = readIstioMetrics(text, 'shop')!.outbound[0]!;
    expect(quantile(latency, 0.5)).to.deep.equal({ lowMs: 1, highMs: 5 });
    expect(quantile(latency, 1)).to.deep.equal({ lowMs: 5, highMs: 10 });
  });

  it('are there before the first request, and not at all on a plain Envoy', () => {
    expect(readIstioMetrics(build, 'shop')).to.deep.include({ outbound: [] });
    expect(readIstioMetrics('', 'shop')).to.equal(undefined);
  });

  it('tell nothing where a Telemetry took the labels away', () => {
    const text = 'istio_requests_total{reporter="source",response_code="200"} 4\n';
    expect(readIstioMetrics(build + text, 'shop')).to.equal(undefined);
  });

  it('are no error page', () => {
    expect(() => readIstioMetrics('<html>upstream connect error</html>\n', 'shop')).to.throw(MeshproofError);
  });
});
