import { expect } from 'chai';
import { renderPolicies } from '../../../../src/meshes/istio/render-policies.ts';
import type { Policy } from '../../../../src/policies/index.ts';

const accounts: Record<string, string> = { viewer: 'viewer-account' };
const world = {
  namespace: 'shop',
  factsOf: (service: string) => ({ selector: { app: service }, account: accounts[service] ?? service }),
};
const render = (policies: Policy[]) => renderPolicies(policies, world);
const httpOf = (policies: Policy[]) =>
  (render(policies).get('VirtualService/trips') as { http: unknown[] } | undefined)?.http;
const route = [{ destination: { host: 'trips.shop.svc.cluster.local' } }];

describe("policies as Istio's resources", () => {
  it('puts retries and timeout of a service into one VirtualService', () => {
    const policies: Policy[] = [
      { kind: 'retry', service: 'trips', attempts: 4, onStatus: [503, 504] },
      { kind: 'timeout', service: 'trips', timeoutMs: 1500 },
    ];
    expect(render(policies).get('VirtualService/trips')).to.deep.equal({
      hosts: ['trips.shop.svc.cluster.local'],
      http: [{ route, retries: { attempts: 4, retryOn: '503,504' }, timeout: '1500ms' }],
    });
  });

  it('says that there are no retries: left out, Istio retries twice', () => {
    expect(httpOf([{ kind: 'retry', service: 'trips', attempts: 0, onStatus: [503] }])).to.deep.equal([
      { route, retries: { attempts: 0 } },
    ]);
  });

  it('says nothing of a timeout that is none, also on a route below one that has one', () => {
    expect(httpOf([{ kind: 'timeout', service: 'trips', timeoutMs: 0 }])).to.deep.equal([{ route }]);
    const policies: Policy[] = [
      { kind: 'timeout', service: 'trips', timeoutMs: 900 },
      { kind: 'timeout', service: 'trips', route: { pathPrefix: '/api' }, timeoutMs: 0 },
    ];
    expect(httpOf(policies)).to.deep.equal([
      { match: [{ uri: { prefix: '/api' } }], route },
      { route, timeout: '900ms' },
    ]);
  });

  it('leaves requests that no policy speaks of a way to the service: without one they get 404', () => {
    const policy: Policy = { kind: 'timeout', service: 'trips', route: { pathPrefix: '/api' }, timeoutMs: 900 };
    expect(httpOf([policy])).to.deep.equal([
      { match: [{ uri: { prefix: '/api' } }], route, timeout: '900ms' },
      { route },
    ]);
  });

  it('ejects nobody without a resource of its own', () => {
    const policy: Policy = { kind: 'outlier-detection', service: 'trips', consecutiveErrors: 0 };
    expect([...render([policy])]).to.deep.equal([['DestinationRule/trips', null]]);
    expect(render([{ ...policy, consecutiveErrors: 5 }]).get('DestinationRule/trips')).to.have.nested.property(
      'trafficPolicy.outlierDetection.consecutive5xxErrors',
      5,
    );
  });

  it('lets in who is named by the account it runs as, and nobody for an empty list', () => {
    const rules = (from: string[]) =>
      (render([{ kind: 'authorize', to: 'trips', from }]).get('AuthorizationPolicy/trips') as { rules?: unknown })
        .rules;
    expect(rules(['viewer', 'loadgen'])).to.deep.equal([
      {
        from: [
          { source: { principals: ['cluster.local/ns/shop/sa/viewer-account', 'cluster.local/ns/shop/sa/loadgen'] } },
        ],
      },
    ]);
    expect(rules(['*'])).to.deep.equal([{ from: [{ source: { principals: ['*'] } }] }]);
    expect(rules([])).to.equal(undefined);
  });

  it('writes who may call before how they call', () => {
    const policies: Policy[] = [
      { kind: 'timeout', service: 'trips', timeoutMs: 900 },
      { kind: 'authorize', to: 'trips', from: ['viewer'] },
      { kind: 'mtls', service: 'trips', mode: 'permissive' },
    ];
    expect([...render(policies).keys()]).to.deep.equal([
      'PeerAuthentication/trips',
      'AuthorizationPolicy/trips',
      'VirtualService/trips',
    ]);
  });

  it('refuses a kind that it has no renderer for', () => {
    const policy: Policy = { kind: 'timeout', service: 'trips', timeoutMs: 900 };
    expect(() => renderPolicies([policy], world, {})).to.throw(TypeError, 'no renderer for timeout');
  });
});
