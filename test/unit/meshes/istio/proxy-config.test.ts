import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { istioPolicies } from '../../../../src/meshes/istio/policies/index.ts';
import type { IstioProxy } from '../../../../src/meshes/istio/policies/renderer.ts';
import { traceOf } from '../../../../src/meshes/istio/policy-target.ts';
import { readProxyConfig, type ProxyConfig } from '../../../../src/meshes/istio/proxy-config.ts';
import { rendererOf } from '../../../../src/meshes/policy-renderer.ts';
import type { Policy } from '../../../../src/policies/index.ts';
import { recorded } from '../recorded.ts';

/** Of trips on a lab with Istio 1.31-dev and Envoy 1.40, who lets tripviewer and loadgen in; parts that are not read are left out. */
const dump = () => JSON.parse(recorded('istio-server-config'));
const read = (of = dump()): ProxyConfig => readProxyConfig(of, 'tripinsights');
const listener = (of: ReturnType<typeof dump>, name: string) =>
  of.configs
    .find((config: { '@type': string }) => config['@type'].endsWith('.ListenersConfigDump'))
    .dynamic_listeners.find((each: { name: string }) => each.name === name).active_state.listener;
const chainOf = (of: ReturnType<typeof dump>, port: number) =>
  listener(of, 'virtualInbound').filter_chains.find(
    (chain: { filter_chain_match?: { destination_port?: number } }) =>
      chain.filter_chain_match?.destination_port === port,
  );
const hostOf = (of: ReturnType<typeof dump>, service: string) =>
  of.configs
    .find((config: { '@type': string }) => config['@type'].endsWith('.RoutesConfigDump'))
    .dynamic_route_configs[0].route_config.virtual_hosts.find((host: { name: string }) =>
      host.name.startsWith(`${service}.tripinsights.`),
    );
const routeOf = (of: ReturnType<typeof dump>, service: string) => hostOf(of, service).routes[0];

describe('what a sidecar of Istio is told to do', () => {
  it('has the services of its namespace, by their ClusterIP, and what it does with their requests', () => {
    const { upstreams } = read();
    expect([...upstreams.keys()]).to.have.members(['trips', 'poi', 'postgres']);
    expect(upstreams.get('trips')!.addresses).to.deep.equal(['10.96.155.59']);
    expect(upstreams.get('postgres')).to.deep.equal({ addresses: ['10.96.106.191'], ports: [], ejectsAfter5xx: 0 });
    expect(upstreams.get('trips')!.ports[0]?.[0], "Istio's default").to.include({
      prefix: '/',
      retries: 2,
      timeoutMs: 0,
    });
  });

  it('says who is let in, and whether plaintext is', () => {
    expect([...read().callers!]).to.have.members(['tripviewer', 'loadgen']);
    expect(read().permissive).to.equal(false);
    const permissive = dump();
    const chain = structuredClone(chainOf(permissive, 8080));
    delete chain.transport_socket;
    listener(permissive, 'virtualInbound').filter_chains.push(chain);
    expect(read(permissive).permissive).to.equal(true);
  });

  it('lets everybody in without a policy, and nobody with one that has no rule', () => {
    const open = dump();
    const [filter] = chainOf(open, 8080).filters;
    const { http_filters: filters } = filter.typed_config;
    const rbac = filters.find(({ name }: { name: string }) => name === 'envoy.filters.http.rbac');
    filter.typed_config.http_filters = filters.filter((each: unknown) => each !== rbac);
    expect([...read(open).callers!]).to.deep.equal(['*']);
    const closed = dump();
    chainOf(closed, 8080).filters[0].typed_config.http_filters.find(
      ({ name }: { name: string }) => name === 'envoy.filters.http.rbac',
    ).typed_config.rules = {};
    expect([...read(closed).callers!]).to.deep.equal([]);
  });

  it('has no callers where no port of the app is in its listener', () => {
    const client = dump();
    const inbound = listener(client, 'virtualInbound');
    inbound.filter_chains = inbound.filter_chains.filter(
      (chain: { filter_chain_match?: { destination_port?: number } }) =>
        chain.filter_chain_match?.destination_port !== 8080,
    );
    expect(read(client).callers).to.equal(undefined);
  });
});

describe('whether a proxy of Istio has the policies', () => {
  const facts = (service: string) => ({ selector: { app: service }, account: service });
  const proxy = (service = 'viewer', of = dump()): IstioProxy => ({ service, config: read(of), factsOf: facts });
  /** Undefined: this proxy has nothing to do with it. */
  const inForce = (policy: Policy, seen: IstioProxy): boolean | undefined => {
    const found = rendererOf<never, never, IstioProxy>(istioPolicies as never, policy.kind)!.inForce(
      policy as never,
      seen,
    );
    return found && isDeepStrictEqual(found.has, found.wants);
  };
  const told = (retries: object | undefined, timeout: string) => {
    const of = dump();
    const route = routeOf(of, 'trips');
    route.route.timeout = timeout;
    if (retries) route.route.retry_policy = retries;
    else delete route.route.retry_policy;
    route.metadata = {
      filter_metadata: {
        istio: { config: '/apis/networking.istio.io/v1/namespaces/tripinsights/virtual-service/meshproof-trips' },
      },
    };
    return proxy('viewer', of);
  };

  it("sees Istio's own two retries, and that they are gone", () => {
    const off: Policy = { kind: 'retry', service: 'trips', attempts: 0, onStatus: [503] };
    expect(inForce(off, proxy())).to.equal(false);
    expect(inForce(off, told(undefined, '0s'))).to.equal(true);
    const on: Policy = { ...off, attempts: 4 };
    expect(inForce(on, proxy())).to.equal(false);
    const policy = { retry_on: 'retriable-status-codes', num_retries: 4, retriable_status_codes: [503] };
    expect(inForce(on, told(policy, '0s'))).to.equal(true);
  });

  it('sees timeouts, and nothing of a service that speaks no HTTP', () => {
    expect(inForce({ kind: 'timeout', service: 'trips', timeoutMs: 0 }, proxy())).to.equal(true);
    expect(inForce({ kind: 'timeout', service: 'trips', timeoutMs: 1000 }, proxy())).to.equal(false);
    expect(inForce({ kind: 'timeout', service: 'trips', timeoutMs: 1000 }, told(undefined, '1s'))).to.equal(true);
    expect(inForce({ kind: 'timeout', service: 'postgres', timeoutMs: 1000 }, proxy())).to.equal(undefined);
  });

  it('asks the server who may call and how, and nobody else', () => {
    const policy: Policy = { kind: 'authorize', to: 'trips', from: ['loadgen', 'tripviewer'] };
    expect(inForce(policy, proxy('trips'))).to.equal(true);
    expect(inForce({ ...policy, from: ['loadgen'] }, proxy('trips'))).to.equal(false);
    expect(inForce(policy, proxy('viewer'))).to.equal(undefined);
    expect(inForce({ kind: 'mtls', service: 'trips', mode: 'strict' }, proxy('trips'))).to.equal(true);
    expect(inForce({ kind: 'mtls', service: 'trips', mode: 'permissive' }, proxy('trips'))).to.equal(false);
  });

  it('finds a trace of a policy that was taken back elsewhere', () => {
    expect(traceOf(proxy())).to.equal(undefined);
    expect(traceOf(told(undefined, '1s'))).to.equal('it still has a route policy for trips');
    const route = routeOf(dump(), 'trips');
    const named = (name: string) => {
      const of = dump();
      Object.assign(routeOf(of, 'trips'), { name });
      return proxy('viewer', of);
    };
    expect(route.name, 'control: Istio’s own').to.equal('default');
    expect(traceOf(named('tripinsights.meshproof-trips-80.0'))).to.equal('it still has a route policy for trips');
    expect(traceOf(named('tripinsights.of-the-user.0'))).to.equal(undefined);
  });

  it('sees what an HTTPRoute says of a part of a service, and of no other', () => {
    const of = dump();
    const host = hostOf(of, 'trips');
    const [whole] = host.routes;
    const part = structuredClone(whole);
    part.match = { path_separated_prefix: '/slow', case_sensitive: true };
    part.route.timeout = '0.250s';
    host.routes = [part, whole];
    const policy: Policy = { kind: 'timeout', service: 'trips', route: { pathPrefix: '/slow' }, timeoutMs: 250 };
    expect(inForce(policy, proxy('viewer', of))).to.equal(true);
    expect(inForce({ ...policy, route: { pathPrefix: '/slow/er' } }, proxy('viewer', of))).to.equal(true);
    expect(inForce({ ...policy, route: { pathPrefix: '/slower' } }, proxy('viewer', of)), 'no part of it').to.equal(
      false,
    );
    expect(inForce({ ...policy, route: { pathPrefix: '/' } }, proxy('viewer', of))).to.equal(false);
  });
});
