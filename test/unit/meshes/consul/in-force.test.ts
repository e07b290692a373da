import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { consulPolicies } from '../../../../src/meshes/consul/policies/index.ts';
import { traceOf } from '../../../../src/meshes/consul/policy-target.ts';
import type { ConsulProxy, ProxyConfig } from '../../../../src/meshes/consul/proxy-config.ts';
import type { Route } from '../../../../src/meshes/envoy/config-dump.ts';
import { rendererOf } from '../../../../src/meshes/policy-renderer.ts';
import type { Policy } from '../../../../src/policies/index.ts';

const route = (over: Partial<Route> = {}): Route => ({ prefix: '/', retries: 0, onStatus: [], ...over });
const proxy = (service: string, config: Partial<ProxyConfig>, callable = ['trips']): ConsulProxy => ({
  service,
  config: { upstreams: new Map(), permissive: false, rejected: [], ...config },
  callable: new Set(callable),
});
const viewer = (...routes: Route[]): ConsulProxy =>
  proxy('viewer', {
    upstreams: new Map([['trips', { addresses: [], routes, ejectsAfter5xx: 0 }]]),
    callers: new Set(),
  });
const trips = (callers: string[], permissive = false): ConsulProxy =>
  proxy('trips', { callers: new Set(callers), permissive });
const retry: Policy = { kind: 'retry', service: 'trips', attempts: 4, onStatus: [503] };

/** Undefined: this proxy has nothing to do with it. */
function inForce(policy: Policy, seen: ConsulProxy): boolean | undefined {
  const found = rendererOf<never, never, ConsulProxy>(consulPolicies as never, policy.kind)!.inForce(
    policy as never,
    seen,
  );
  return found && isDeepStrictEqual(found.has, found.wants);
}

describe('whether a proxy has the policies', () => {
  it('sees retries that are not there yet, and those that still are', () => {
    expect(inForce(retry, viewer(route()))).to.equal(false);
    expect(inForce(retry, viewer(route({ retries: 4, onStatus: [502] })))).to.equal(false);
    expect(inForce(retry, viewer(route({ retries: 4, onStatus: [503] })))).to.equal(true);
    expect(inForce({ ...retry, attempts: 0 }, viewer(route({ retries: 4, onStatus: [503] })))).to.equal(false);
    expect(inForce({ ...retry, attempts: 0 }, viewer(route()))).to.equal(true);
  });

  it('reads the route that the requests of the policy take', () => {
    const onRoute: Policy = { ...retry, route: { pathPrefix: '/api/trips' } };
    const with4 = { retries: 4, onStatus: [503] };
    const special = viewer(route({ prefix: '/api/trips', ...with4 }), route());
    expect(inForce(onRoute, special)).to.equal(true);
    expect(inForce(retry, special), 'not the others').to.equal(false);
    expect(inForce(onRoute, viewer(route(with4))), 'those of all requests are its too').to.equal(true);
    expect(inForce(onRoute, viewer(route({ prefix: '/api/trips/user', ...with4 }), route()))).to.equal(false);
  });

  it("tells no timeout from Envoy's default", () => {
    const none: Policy = { kind: 'timeout', service: 'trips', timeoutMs: 0 };
    expect(inForce(none, viewer(route()))).to.equal(false);
    expect(inForce(none, viewer(route({ timeoutMs: 0 })))).to.equal(true);
  });

  it('asks nothing of a proxy that cannot call the service', () => {
    expect(inForce(retry, proxy('poi', {}))).to.equal(undefined);
    expect(inForce({ kind: 'outlier-detection', service: 'trips', consecutiveErrors: 5 }, proxy('poi', {}))).to.equal(
      undefined,
    );
  });

  it('sees who is let in too much or too little', () => {
    const policy: Policy = { kind: 'authorize', to: 'trips', from: ['viewer'] };
    expect(inForce(policy, trips([]))).to.equal(false);
    expect(inForce(policy, trips(['viewer', 'k6']))).to.equal(false);
    expect(inForce(policy, trips(['viewer']))).to.equal(true);
    expect(inForce({ ...policy, from: [] }, trips([]))).to.equal(true);
  });

  it('waits for the way of an allowed caller, and for the end of a forbidden one', () => {
    const policy = (from: string[]): Policy => ({ kind: 'authorize', to: 'trips', from });
    expect(inForce(policy(['viewer']), proxy('viewer', {}))).to.equal(false);
    expect(inForce(policy(['viewer']), proxy('viewer', {}, [])), 'not registered yet').to.equal(undefined);
    expect(inForce(policy(['viewer']), viewer(route()))).to.equal(true);
    expect(inForce(policy([]), viewer(route()))).to.equal(false);
  });

  it('sees the mode of mutual TLS', () => {
    const policy = (mode: 'strict' | 'permissive'): Policy => ({ kind: 'mtls', service: 'trips', mode });
    expect(inForce(policy('permissive'), trips([]))).to.equal(false);
    expect(inForce(policy('permissive'), trips([], true))).to.equal(true);
    expect(inForce(policy('strict'), trips([], true))).to.equal(false);
  });
});

describe('traces of policies in a proxy', () => {
  it('are retries, timeouts, routes of their own, ejections and plaintext; none on one that nobody told anything', () => {
    expect(traceOf(viewer(route()))).to.equal(undefined);
    expect(traceOf(viewer(route({ retries: 1 })))).to.match(/route policy for trips/);
    expect(traceOf(viewer(route({ timeoutMs: 0 })))).to.match(/route policy for trips/);
    expect(traceOf(viewer(route({ prefix: '/api' }), route()))).to.match(/route policy for trips/);
    expect(
      traceOf(proxy('viewer', { upstreams: new Map([['trips', { addresses: [], ejectsAfter5xx: 5 }]]) })),
    ).to.match(/ejects/);
    expect(traceOf(trips([], true))).to.match(/plaintext/);
  });
});
