import { expect } from 'chai';
import { lacking } from '../../../../src/meshes/consul/propagation.ts';
import type { ProxyConfig, RouteConfig } from '../../../../src/meshes/envoy/config-dump.ts';
import type { Policy } from '../../../../src/policies/index.ts';

const callable = new Set(['trips']);
const viewer = (route: RouteConfig, extra: Partial<ProxyConfig> = {}): ProxyConfig => ({
  upstreams: new Map([['trips', { route, ejectsAfter5xx: 0 }]]),
  permissive: false,
  rejected: [],
  hasPublicListener: true,
  ...extra,
});
const trips = (callers: string[], permissive = false): ProxyConfig => ({
  upstreams: new Map(),
  callers: new Set(callers),
  permissive,
  rejected: [],
  hasPublicListener: true,
});
const retry: Policy = { kind: 'retry', service: 'trips', attempts: 4, onStatus: [503] };

describe('whether a proxy has the policies', () => {
  it('sees retries that are not there yet, and those that still are', () => {
    expect(lacking(viewer({ retries: 0, onStatus: [] }), 'viewer', [retry], callable)).to.match(/are 0, not 4/);
    expect(lacking(viewer({ retries: 4, onStatus: [502] }), 'viewer', [retry], callable)).to.be.a('string');
    expect(lacking(viewer({ retries: 4, onStatus: [503] }), 'viewer', [retry], callable)).to.equal(undefined);
    expect(lacking(viewer({ retries: 4, onStatus: [503] }), 'viewer', [{ ...retry, attempts: 0 }], callable)).to.match(
      /not 0/,
    );
  });

  it("tells no timeout from Envoy's default", () => {
    const none: Policy = { kind: 'timeout', service: 'trips', timeoutMs: 0 };
    expect(lacking(viewer({ retries: 0, onStatus: [] }), 'viewer', [none], callable)).to.match(/default/);
    expect(lacking(viewer({ retries: 0, onStatus: [], timeoutMs: 0 }), 'viewer', [none], callable)).to.equal(undefined);
  });

  it('asks nothing of a proxy that cannot call the service', () => {
    expect(
      lacking(
        trips([]),
        'poi',
        [retry, { kind: 'outlier-detection', service: 'trips', consecutiveErrors: 5 }],
        callable,
      ),
    ).to.equal(undefined);
  });

  it('sees who is let in too much or too little', () => {
    const policy: Policy = { kind: 'authorize', to: 'trips', from: ['viewer'] };
    expect(lacking(trips([]), 'trips', [policy], callable)).to.equal('trips does not let in viewer');
    expect(lacking(trips(['viewer', 'k6']), 'trips', [policy], callable)).to.equal('trips still lets in k6');
    expect(lacking(trips(['viewer']), 'trips', [policy], callable)).to.equal(undefined);
  });

  it('waits for the way of an allowed caller, and for the end of a forbidden one', () => {
    const policy = (from: string[]): Policy => ({ kind: 'authorize', to: 'trips', from });
    expect(lacking(trips([]), 'viewer', [policy(['viewer'])], callable)).to.match(/no way to trips/);
    expect(lacking(trips([]), 'viewer', [policy(['viewer'])], new Set()), 'not registered yet').to.equal(undefined);
    expect(lacking(viewer({ retries: 0, onStatus: [] }), 'viewer', [policy([])], callable)).to.match(/still has a way/);
  });

  it('sees the mode of mutual TLS', () => {
    const policy = (mode: 'strict' | 'permissive'): Policy => ({ kind: 'mtls', service: 'trips', mode });
    expect(lacking(trips([]), 'trips', [policy('permissive')], callable)).to.be.a('string');
    expect(lacking(trips([], true), 'trips', [policy('permissive')], callable)).to.equal(undefined);
    expect(lacking(trips([], true), 'trips', [policy('strict')], callable)).to.be.a('string');
  });

  it('never takes a proxy that refused an update for one that has everything', () => {
    const refused = viewer({ retries: 4, onStatus: [503] }, { rejected: ['trips: unknown field'] });
    expect(lacking(refused, 'viewer', [retry], callable)).to.equal('trips: unknown field');
  });
});
