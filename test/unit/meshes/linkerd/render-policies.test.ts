import { expect } from 'chai';
import { renderPolicies } from '../../../../src/meshes/linkerd/render-policies.ts';
import type { Content } from '../../../../src/meshes/linkerd/resources.ts';
import type { Policy } from '../../../../src/policies/index.ts';

const accounts: Record<string, string> = { viewer: 'viewer-account' };
const world = {
  namespace: 'shop',
  factsOf: (service: string) => ({
    selector: { app: service },
    account: accounts[service] ?? service,
    ports:
      service === 'db' ? [{ port: 5432, targetPort: 5432, appProtocol: 'tcp' }] : [{ port: 80, targetPort: 'http' }],
  }),
  annotationsOf: (): Record<string, string> => ({}),
};
const render = (policies: Policy[], known = world) =>
  renderPolicies(policies, known) as unknown as Map<string, Content | null>;
const identity = (account: string): string => `${account}.shop.serviceaccount.identity.linkerd.cluster.local`;

describe("policies as Linkerd's resources", () => {
  it('puts retries, timeout and ejection of a service into annotations of it, and what it said before beside them', () => {
    const policies: Policy[] = [
      { kind: 'retry', service: 'trips', attempts: 4, onStatus: [503, 504] },
      { kind: 'timeout', service: 'trips', timeoutMs: 1500 },
      { kind: 'outlier-detection', service: 'trips', consecutiveErrors: 9 },
    ];
    expect([...render(policies)]).to.deep.equal([
      [
        'Service/trips',
        {
          annotations: {
            'retry.linkerd.io/http': '503,504',
            'retry.linkerd.io/limit': '4',
            'timeout.linkerd.io/request': '1500ms',
            'balancer.linkerd.io/failure-accrual': 'consecutive',
            'balancer.linkerd.io/failure-accrual-consecutive-max-failures': '9',
            'meshproof.dev/annotations-before': '{}',
          },
        },
      ],
    ]);
  });

  it('says nothing of what is off, and takes away what the user says of it', () => {
    const off: Policy[] = [
      { kind: 'retry', service: 'trips', attempts: 0, onStatus: [503] },
      { kind: 'timeout', service: 'trips', timeoutMs: 0 },
    ];
    expect(render(off).get('Service/trips')).to.deep.equal({ annotations: {} });
    const said = {
      'retry.linkerd.io/http': '5xx',
      'timeout.linkerd.io/response': '3s',
      'balancer.linkerd.io/failure-accrual': 'consecutive',
    };
    expect(render(off, { ...world, annotationsOf: () => said }).get('Service/trips')).to.deep.equal({
      annotations: {
        'balancer.linkerd.io/failure-accrual': 'consecutive',
        'meshproof.dev/annotations-before': JSON.stringify(said),
      },
    });
  });

  it('remembers what the user said, not what an earlier policy did', () => {
    const said = {
      'retry.linkerd.io/limit': '2',
      'meshproof.dev/annotations-before': '{"retry.linkerd.io/limit":"1"}',
    };
    const policy: Policy = { kind: 'timeout', service: 'trips', timeoutMs: 900 };
    expect(render([policy], { ...world, annotationsOf: () => said }).get('Service/trips')).to.deep.equal({
      annotations: {
        'timeout.linkerd.io/request': '900ms',
        'meshproof.dev/annotations-before': '{"retry.linkerd.io/limit":"1"}',
      },
    });
  });

  it('gives a route of a service an HTTPRoute, and every other request one that is there before', () => {
    const policies: Policy[] = [
      { kind: 'timeout', service: 'trips', route: { pathPrefix: '/api' }, timeoutMs: 0 },
      { kind: 'timeout', service: 'trips', timeoutMs: 900 },
    ];
    const [service, all, api, ...others] = [...render(policies)];
    expect(service).to.deep.equal(['Service/trips', { annotations: {} }]);
    const rule = (prefix: string) => ({
      parentRefs: [{ group: '', kind: 'Service', name: 'trips', port: 80 }],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: prefix } }],
          backendRefs: [{ name: 'trips', port: 80 }],
        },
      ],
    });
    expect(all).to.deep.equal([
      'HTTPRoute/trips-80',
      { annotations: { 'timeout.linkerd.io/request': '900ms' }, spec: rule('/') },
    ]);
    expect(api![0]).to.match(/^HTTPRoute\/trips-80-[0-9a-f]{8}$/);
    expect(api![1]).to.deep.equal({ annotations: {}, spec: rule('/api') });
    expect(others).to.deep.equal([]);
  });

  it('leaves requests that no policy speaks of a way to the service: without one they get 404', () => {
    const policy: Policy = { kind: 'timeout', service: 'trips', route: { pathPrefix: '/api' }, timeoutMs: 900 };
    expect(render([policy]).get('HTTPRoute/trips-80'))
      .to.have.property('annotations')
      .that.deep.equals({});
  });

  it('lets in who is named by the identity of the account it runs as, and nobody for an empty list', () => {
    const told = render([{ kind: 'authorize', to: 'trips', from: ['viewer', 'loadgen'] }]);
    expect([...told.keys()]).to.deep.equal([
      'MeshTLSAuthentication/trips',
      'Server/trips-80',
      'AuthorizationPolicy/trips-80',
    ]);
    expect(told.get('MeshTLSAuthentication/trips')).to.deep.equal({
      spec: { identities: [identity('viewer-account'), identity('loadgen')] },
    });
    expect(told.get('Server/trips-80')).to.deep.equal({
      spec: { podSelector: { matchLabels: { app: 'trips' } }, port: 'http', proxyProtocol: 'unknown' },
    });
    expect(told.get('AuthorizationPolicy/trips-80')).to.deep.equal({
      spec: {
        targetRef: { group: 'policy.linkerd.io', kind: 'Server', name: 'meshproof-trips-80' },
        requiredAuthenticationRefs: [
          { group: 'policy.linkerd.io', kind: 'MeshTLSAuthentication', name: 'meshproof-trips' },
        ],
      },
    });
    const nobody = render([{ kind: 'authorize', to: 'trips', from: [] }]);
    expect(nobody.get('AuthorizationPolicy/trips-80')).to.equal(null);
    expect(nobody.get('Server/trips-80'), 'which lets nobody in').to.be.an('object');
  });

  it('passes the bytes of a database on as they are', () => {
    const told = render([{ kind: 'authorize', to: 'db', from: ['trips'] }]);
    expect(told.get('Server/db-5432')).to.have.nested.property('spec.proxyProtocol', 'opaque');
  });

  it('takes plaintext where it is told to, by a policy of its own', () => {
    const permissive = render([{ kind: 'mtls', service: 'trips', mode: 'permissive' }]);
    expect(permissive.get('AuthorizationPolicy/trips-80-anybody')).to.have.nested.property(
      'spec.requiredAuthenticationRefs[0].name',
      'meshproof-trips-anybody',
    );
    expect(permissive.get('NetworkAuthentication/trips-anybody')).to.be.an('object');
    const strict = render([{ kind: 'mtls', service: 'trips', mode: 'strict' }]);
    expect(strict.get('AuthorizationPolicy/trips-80-anybody')).to.equal(null);
    expect(strict.get('NetworkAuthentication/trips-anybody')).to.equal(null);
  });

  it('refuses a kind that it has no renderer for', () => {
    const policy: Policy = { kind: 'timeout', service: 'trips', timeoutMs: 900 };
    expect(() => renderPolicies([policy], world, {})).to.throw(TypeError, 'no renderer for timeout');
  });
});
