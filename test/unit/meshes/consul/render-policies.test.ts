import { expect } from 'chai';
import { entryId, type ConfigEntry } from '../../../../src/meshes/consul/config-entry.ts';
import { pristine, renderPolicies } from '../../../../src/meshes/consul/render-policies.ts';
import type { Policy } from '../../../../src/policies/index.ts';

const services = ['trips', 'viewer'];
const mapOf = (entries: ConfigEntry[]) => new Map(entries.map((entry) => [entryId(entry), entry]));
const render = (policies: Policy[], current: ConfigEntry[] = []) => renderPolicies(policies, mapOf(current), services);
const routesOf = (policies: Policy[], service = 'trips') => render(policies).get(`service-router/${service}`)?.Routes;

describe("policies as Consul's config entries", () => {
  it('puts retries and timeout of a service into one router', () => {
    const router = render([
      { kind: 'retry', service: 'trips', attempts: 4, onStatus: [503] },
      { kind: 'timeout', service: 'trips', timeoutMs: 1500 },
    ]).get('service-router/trips');
    expect(router).to.deep.equal({
      Kind: 'service-router',
      Name: 'trips',
      Routes: [{ Destination: { NumRetries: 4, RetryOnStatusCodes: [503], RequestTimeout: '1500ms' } }],
    });
  });

  it('says no timeout as a negative one, since leaving it out means 15 s', () => {
    expect(routesOf([{ kind: 'timeout', service: 'trips', timeoutMs: 0 }])).to.deep.equal([
      { Destination: { RequestTimeout: '-1s' } },
    ]);
  });

  it('takes the router away when retries are off and no timeout is asked for', () => {
    const changes = render([{ kind: 'retry', service: 'trips', attempts: 0, onStatus: [503] }]);
    expect([...changes]).to.deep.equal([['service-router/trips', undefined]]);
  });

  it('puts a route before all other requests, and gives it what was said of them, whatever the order', () => {
    const policies: Policy[] = [
      { kind: 'retry', service: 'trips', route: { pathPrefix: '/api/trips' }, attempts: 4, onStatus: [503] },
      { kind: 'timeout', service: 'trips', route: { pathPrefix: '/api/trips/user' }, timeoutMs: 900 },
      { kind: 'timeout', service: 'trips', timeoutMs: 1500 },
    ];
    const retries = { NumRetries: 4, RetryOnStatusCodes: [503] };
    const expected = [
      { Match: { HTTP: { PathPrefix: '/api/trips/user' } }, Destination: { ...retries, RequestTimeout: '900ms' } },
      { Match: { HTTP: { PathPrefix: '/api/trips' } }, Destination: { ...retries, RequestTimeout: '1500ms' } },
      { Destination: { RequestTimeout: '1500ms' } },
    ];
    expect(routesOf(policies)).to.deep.equal(expected);
    expect(routesOf(policies.toReversed())).to.deep.equal(expected);
  });

  it('keeps a route on which retries are off away from those that have them', () => {
    const routes = routesOf([
      { kind: 'retry', service: 'trips', attempts: 4, onStatus: [503] },
      { kind: 'retry', service: 'trips', route: { pathPrefix: '/api' }, attempts: 0, onStatus: [503] },
    ]);
    expect(routes).to.deep.equal([
      { Match: { HTTP: { PathPrefix: '/api' } }, Destination: {} },
      { Destination: { NumRetries: 4, RetryOnStatusCodes: [503] } },
    ]);
  });

  it('leaves all other requests to Consul when a policy is on one route only', () => {
    const route = { pathPrefix: '/api' };
    expect(routesOf([{ kind: 'timeout', service: 'trips', route, timeoutMs: 700 }])).to.deep.equal([
      { Match: { HTTP: { PathPrefix: '/api' } }, Destination: { RequestTimeout: '700ms' } },
    ]);
  });

  it('writes outlier detection into the defaults of every caller, keeping what else is there', () => {
    const current: ConfigEntry = {
      Kind: 'service-defaults',
      Name: 'viewer',
      Protocol: 'http',
      UpstreamConfig: {
        Defaults: { PassiveHealthCheck: { EnforcingConsecutive5xx: 0 } },
        Overrides: [
          { Name: 'poi', ConnectTimeoutMs: 1 },
          { Name: 'trips', PassiveHealthCheck: { MaxFailures: 9 } },
        ],
      },
    };
    const changes = render([{ kind: 'outlier-detection', service: 'trips', consecutiveErrors: 3 }], [current]);
    expect([...changes.keys()]).to.deep.equal(services.map((name) => `service-defaults/${name}`));
    expect(changes.get('service-defaults/viewer')!.UpstreamConfig).to.deep.equal({
      Defaults: { PassiveHealthCheck: { EnforcingConsecutive5xx: 0 } },
      Overrides: [
        { Name: 'poi', ConnectTimeoutMs: 1 },
        { Name: 'trips', PassiveHealthCheck: { MaxFailures: 3, EnforcingConsecutive5xx: 100, Interval: '1s' } },
      ],
    });
  });

  it('keeps the policies of several services apart that are written in one go', () => {
    const changes = render(
      ['trips', 'viewer'].flatMap((service, index): Policy[] => [
        { kind: 'retry', service, attempts: index + 1, onStatus: [503] },
        { kind: 'outlier-detection', service, consecutiveErrors: index },
      ]),
    );
    expect(changes.get('service-router/trips')!.Routes).to.deep.equal([
      { Destination: { NumRetries: 1, RetryOnStatusCodes: [503] } },
    ]);
    expect(changes.get('service-router/viewer')!.Routes).to.deep.equal([
      { Destination: { NumRetries: 2, RetryOnStatusCodes: [503] } },
    ]);
    const { Overrides } = changes.get('service-defaults/viewer')!.UpstreamConfig as { Overrides: { Name: string }[] };
    expect(Overrides.map(({ Name }) => Name)).to.deep.equal(['trips', 'viewer']);
  });

  it('lets in who is named, and nobody for an empty list', () => {
    const sources = (from: string[]) =>
      render([{ kind: 'authorize', to: 'trips', from }]).get('service-intentions/trips')!.Sources;
    expect(sources(['viewer', 'k6'])).to.deep.equal([
      { Name: 'viewer', Action: 'allow' },
      { Name: 'k6', Action: 'allow' },
    ]);
    expect(sources([])).to.deep.equal([{ Name: '*', Action: 'deny' }]);
  });

  it('allows permissive mTLS in the mesh before a service may use it, also where its defaults change before', () => {
    const changes = render([
      { kind: 'outlier-detection', service: 'poi', consecutiveErrors: 0 },
      { kind: 'mtls', service: 'trips', mode: 'permissive' },
    ]);
    expect([...changes.keys()][0]).to.equal('mesh/mesh');
    expect(changes.get('mesh/mesh'), 'Consul refuses a Name here').to.deep.equal({
      Kind: 'mesh',
      AllowEnablingPermissiveMutualTLS: true,
    });
    expect(changes.get('service-defaults/trips'))
      .to.include({ MutualTLSMode: 'permissive' })
      .and.to.have.property('UpstreamConfig');
  });

  it('refuses a kind that it has no renderer for', () => {
    const policy: Policy = { kind: 'timeout', service: 'trips', timeoutMs: 1 };
    expect(() => renderPolicies([policy], new Map(), services, {})).to.throw(TypeError, /no renderer for timeout/);
  });
});

describe('what was there before any policy', () => {
  it('is the entries without routers, intentions and exceptions, and defaults as pods wrote them', () => {
    const defaults: ConfigEntry = {
      Kind: 'service-defaults',
      Name: 'trips',
      Protocol: 'http',
      UpstreamConfig: { Defaults: { PassiveHealthCheck: { EnforcingConsecutive5xx: 0 } } },
    };
    const changes = render(
      [
        { kind: 'retry', service: 'trips', attempts: 4, onStatus: [503] },
        { kind: 'outlier-detection', service: 'viewer', consecutiveErrors: 3 },
        { kind: 'authorize', to: 'trips', from: ['viewer'] },
        { kind: 'mtls', service: 'trips', mode: 'permissive' },
      ],
      [defaults],
    );
    const before = pristine(changes);
    expect(before.get('service-defaults/trips')).to.deep.equal(defaults);
    for (const id of ['mesh/mesh', 'service-router/trips', 'service-intentions/trips'])
      expect(before.get(id), id).to.equal(undefined);
    expect([...before.keys()]).to.have.members([...changes.keys()]);
  });
});
