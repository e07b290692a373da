import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { readInboundPolicy } from '../../../../src/meshes/linkerd/inbound-policy.ts';
import { readOutboundPolicy } from '../../../../src/meshes/linkerd/outbound-policy.ts';
import { linkerdPolicies } from '../../../../src/meshes/linkerd/policies/index.ts';
import type { LinkerdProxy } from '../../../../src/meshes/linkerd/policies/renderer.ts';
import { rendererOf } from '../../../../src/meshes/policy-renderer.ts';
import type { Policy } from '../../../../src/policies/index.ts';
import { recorded } from '../recorded.ts';

/** As Go prints the messages of linkerd2-proxy-api, which is what `linkerd diagnostics policy -o json` does. */
const rule = (prefix: string, action: object = {}) => ({
  matches: [{ path: { Kind: { Prefix: prefix } } }],
  backends: { Kind: { FirstAvailable: {} } },
  timeouts: {},
  ...action,
});
const retries = {
  retry: { max_retries: 4, max_request_bytes: 65536, conditions: { status_ranges: [{ start: 503, end: 504 }] } },
};
const outbound = (routes: object[], accrual?: object) =>
  readOutboundPolicy({
    protocol: {
      Kind: {
        Detect: {
          timeout: { seconds: 10 },
          opaque: { routes: [{}] },
          http1: { routes, ...(accrual && { failure_accrual: accrual }) },
          http2: { routes },
        },
      },
    },
  });
const plain = outbound([{ metadata: { Kind: { Default: 'http' } }, rules: [rule('/')] }]);
const opaque = readOutboundPolicy({ protocol: { Kind: { Opaque: { routes: [{}] } } } });
const httpRoute = (name: string, prefix: string, action: object) => ({
  metadata: { Kind: { Resource: { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name } } },
  rules: [rule(prefix, action)],
});
const identity = (account: string, namespace = 'shop') => ({
  name: `${account}.${namespace}.serviceaccount.identity.linkerd.cluster.local`,
});
const permit = (clients: object) => ({
  networks: [{ net: {} }],
  authentication: { Permit: { MeshTLS: { Clients: { Identities: clients } } } },
});
const anybody = { authentication: { Permit: { Unauthenticated: {} } } };
/** Where no Server stands for the port. */
const byDefault = { authorizations: [anybody], labels: { group: '', kind: 'default', name: 'all-unauthenticated' } };
const inbound = (...authorizations: object[]) => readInboundPolicy({ authorizations }, 'shop');

describe('what the control plane tells proxies of Linkerd', () => {
  it('is routes with retries, statuses and a timeout, each by its prefix', () => {
    const told = outbound([
      httpRoute('meshproof-trips-80', '/', {}),
      httpRoute('meshproof-trips-80-1', '/api', { ...retries, timeouts: { request: { seconds: 1, nanos: 5e8 } } }),
    ]);
    expect(told.routes).to.deep.equal([
      { prefix: '/', retries: 0, onStatus: [], timeoutMs: 0, httpRoute: 'meshproof-trips-80' },
      { prefix: '/api', retries: 4, onStatus: [503, 504], timeoutMs: 1500, httpRoute: 'meshproof-trips-80-1' },
    ]);
  });

  it('is that bytes are passed on as they are, where it is', () => {
    expect(opaque).to.deep.equal({ opaque: true, routes: [], ejectsAfterErrors: 0 });
    expect(plain.opaque).to.equal(false);
  });

  it('is when a replica is left out', () => {
    expect(plain.ejectsAfterErrors).to.equal(0);
    const accrual = { Kind: { ConsecutiveFailures: { max_failures: 9, backoff: {} } } };
    expect(outbound([], accrual).ejectsAfterErrors).to.equal(9);
  });

  it('is who is let in: accounts of its own namespace by their names, and whether who proves nothing is', () => {
    const told = inbound(permit({ identities: [identity('viewer'), identity('batch', 'jobs')] }));
    expect(told).to.deep.equal({ lets: ['viewer', 'jobs/batch'], plaintext: false, byDefault: false });
    expect(inbound(permit({ suffixes: [{}] })).lets, 'a suffix without parts').to.deep.equal(['*']);
    expect(inbound()).to.deep.equal({ lets: [], plaintext: false, byDefault: false });
    expect(inbound(anybody)).to.deep.equal({ lets: [], plaintext: true, byDefault: false });
    expect(readInboundPolicy(byDefault, 'shop')).to.deep.equal({ lets: [], plaintext: true, byDefault: true });
    const unproved = { authentication: { Permit: { MeshTLS: { Clients: { Unauthenticated: {} } } } } };
    expect(inbound(unproved).plaintext, 'TLS without a certificate').to.equal(true);
  });
});

describe('what a real Linkerd told its proxies', () => {
  const inbound = (name: string, namespace: string) => readInboundPolicy(JSON.parse(recorded(name)), namespace);

  it('is who may call, where somebody has said it, and else that anybody may', () => {
    expect(inbound('linkerd-inbound', 'tripinsights')).to.deep.equal({
      lets: ['loadgen'],
      plaintext: false,
      byDefault: false,
    });
    expect(inbound('linkerd-inbound-default', 'trial')).to.deep.equal({ lets: [], plaintext: true, byDefault: true });
  });

  it('is a route for everything, without retries and timeout', () => {
    expect(readOutboundPolicy(JSON.parse(recorded('linkerd-outbound')))).to.deep.equal({
      opaque: false,
      routes: [{ prefix: '/', retries: 0, onStatus: [], timeoutMs: 0 }],
      ejectsAfterErrors: 0,
    });
  });
});

describe('whether a proxy of Linkerd has the policies', () => {
  const proxy = (change: Partial<LinkerdProxy> = {}): LinkerdProxy => ({
    service: 'viewer',
    outbound: [plain],
    profiles: [],
    inbound: [],
    factsOf: (service) => ({ selector: { app: service }, account: service, ports: [] }),
    ...change,
  });
  /** Undefined: this proxy has nothing to do with it. */
  const inForce = (policy: Policy, seen: LinkerdProxy): boolean | undefined => {
    const found = rendererOf<never, never, LinkerdProxy>(linkerdPolicies as never, policy.kind)!.inForce(
      policy as never,
      seen,
    );
    return found && isDeepStrictEqual(found.has, found.wants);
  };
  const told = (action: object) => proxy({ outbound: [outbound([{ rules: [rule('/', action)] }])] });

  it('sees retries, and that there are none', () => {
    const off: Policy = { kind: 'retry', service: 'trips', attempts: 0, onStatus: [503] };
    const on: Policy = { ...off, attempts: 4, onStatus: [504, 503] };
    expect([inForce(off, proxy()), inForce(on, proxy())]).to.deep.equal([true, false]);
    expect([inForce(off, told(retries)), inForce(on, told(retries))]).to.deep.equal([false, true]);
  });

  it('sees timeouts, and nothing of a service whose bytes are passed on as they are', () => {
    const policy: Policy = { kind: 'timeout', service: 'trips', timeoutMs: 1000 };
    expect(inForce(policy, proxy())).to.equal(false);
    expect(inForce(policy, told({ timeouts: { request: { seconds: 1 } } }))).to.equal(true);
    expect(inForce(policy, proxy({ outbound: [opaque] }))).to.equal(undefined);
  });

  it('goes by the route that takes the requests: the longest prefix', () => {
    const seen = proxy({
      outbound: [outbound([httpRoute('a', '/', retries), httpRoute('b', '/api', {})])],
    });
    const policy: Policy = { kind: 'retry', service: 'trips', attempts: 4, onStatus: [503, 504] };
    expect(inForce(policy, seen)).to.equal(true);
    expect(inForce({ ...policy, route: { pathPrefix: '/api/trips' } }, seen)).to.equal(false);
  });

  it('asks the server who may call and how, and nobody else', () => {
    const server = (...authorizations: object[]) => proxy({ service: 'trips', inbound: [inbound(...authorizations)] });
    const lets = permit({ identities: [identity('viewer'), identity('loadgen')] });
    const policy: Policy = { kind: 'authorize', to: 'trips', from: ['loadgen', 'viewer'] };
    expect(inForce(policy, server(lets))).to.equal(true);
    expect(inForce({ ...policy, from: ['loadgen'] }, server(lets))).to.equal(false);
    expect(inForce(policy, server()), 'nobody is let in').to.equal(false);
    expect(inForce(policy, proxy())).to.equal(undefined);
    expect(inForce(policy, server(lets, anybody)), 'permissive is another policy').to.equal(true);
    const unsaid = proxy({ service: 'trips', inbound: [readInboundPolicy(byDefault, 'shop')] });
    expect(inForce(policy, unsaid), 'what Linkerd does by itself is no policy').to.equal(false);
    expect(inForce({ ...policy, from: [] }, unsaid), 'nobody may call').to.equal(false);
    const strict: Policy = { kind: 'mtls', service: 'trips', mode: 'strict' };
    expect(inForce(strict, server(lets))).to.equal(true);
    expect(inForce(strict, server(lets, anybody))).to.equal(false);
    expect(inForce({ ...strict, mode: 'permissive' }, server(lets, anybody))).to.equal(true);
  });
});
