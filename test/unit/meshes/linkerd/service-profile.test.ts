import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { renderersIn } from '../../../../src/meshes/linkerd/dialects.ts';
import type { LinkerdProxy } from '../../../../src/meshes/linkerd/policies/renderer.ts';
import { renderPolicies } from '../../../../src/meshes/linkerd/render-policies.ts';
import type { Content } from '../../../../src/meshes/linkerd/resources.ts';
import { cannotSay } from '../../../../src/meshes/linkerd/service-profile/limits.ts';
import { readProfile, routeOf } from '../../../../src/meshes/linkerd/service-profile/profile-answer.ts';
import { rendererOf } from '../../../../src/meshes/policy-renderer.ts';
import type { Policy } from '../../../../src/policies/index.ts';
import { recorded } from '../recorded.ts';

const renderers = renderersIn('service-profile');
const world = {
  namespace: 'shop',
  factsOf: (service: string) => ({
    selector: { app: service },
    account: service,
    ports: [{ port: 80, targetPort: 80 }],
  }),
  annotationsOf: (): Record<string, string> => ({}),
  profile: (): Content | null => null,
};
const render = (policies: Policy[], known = world) =>
  renderPolicies(policies, known, renderers) as unknown as Map<string, Content | null>;
const specOf = (policies: Policy[], known = world) => render(policies, known).get('ServiceProfile/trips')!.spec;
const retry: Policy = { kind: 'retry', service: 'trips', attempts: 4, onStatus: [503] };
const off: Policy = { ...retry, attempts: 0 };
const timeout: Policy = { kind: 'timeout', service: 'trips', timeoutMs: 1500 };
const everything = { pathRegex: '.*' };
const failsAt = (...ranges: { min: number; max: number }[]) => [
  ...ranges.map((status) => ({ condition: { status }, isFailure: true })),
  { condition: { status: { min: 100, max: 599 } }, isFailure: false },
];

describe('policies as a ServiceProfile', () => {
  it('are a route that is retryable at its statuses alone, a budget for it, and a timeout', () => {
    const rendered = render([retry, timeout]);
    expect([...rendered.keys()], 'and no annotation, no HTTPRoute').to.deep.equal(['ServiceProfile/trips']);
    expect(rendered.get('ServiceProfile/trips')).to.deep.equal({
      annotations: { 'meshproof.dev/profile-before': 'null' },
      spec: {
        routes: [
          {
            name: 'all',
            condition: everything,
            isRetryable: true,
            responseClasses: failsAt({ min: 503, max: 503 }),
            timeout: '1500ms',
          },
        ],
        retryBudget: { retryRatio: 4, minRetriesPerSecond: 4, ttl: '1s' },
      },
    });
  });

  it('say that nothing is retried, and that no call is ended, by a route that says nothing', () => {
    const plain = { routes: [{ name: 'all', condition: everything }] };
    expect(specOf([off])).to.deep.equal(plain);
    expect(specOf([{ ...timeout, timeoutMs: 0 }])).to.deep.equal(plain);
  });

  it('name statuses other than 5xx too, those that follow one another as one', () => {
    const spec = specOf([{ ...retry, onStatus: [503, 429, 502] }]) as { routes: object[] };
    expect(spec.routes[0])
      .to.have.property('responseClasses')
      .that.deep.equals(failsAt({ min: 429, max: 429 }, { min: 502, max: 503 }));
  });

  it('are a route for each path prefix, the longest first, and one for every other request', () => {
    const slow: Policy = { ...timeout, route: { pathPrefix: '/api/v1.0/' } };
    expect(specOf([{ ...off, route: { pathPrefix: '/api' } }, slow])).to.deep.equal({
      routes: [
        { name: '/api/v1.0/', condition: { pathRegex: String.raw`/api/v1\.0/.*` }, timeout: '1500ms' },
        { name: '/api', condition: { pathRegex: '/api.*' } },
        { name: 'all', condition: everything },
      ],
    });
  });

  it('keep what is said of all requests for a route of its own, as every mesh does', () => {
    const spec = specOf([retry, { ...timeout, route: { pathPrefix: '/api' } }]) as { routes: object[] };
    expect(spec.routes.map((route) => Object.keys(route))).to.deep.equal([
      ['name', 'condition', 'isRetryable', 'responseClasses', 'timeout'],
      ['name', 'condition', 'isRetryable', 'responseClasses'],
    ]);
  });

  it('take the place of the routes of a ServiceProfile that is there, remember it, and leave the rest of it', () => {
    const said = { routes: [{ name: 'old' }], retryBudget: { retryRatio: 1 }, dstOverrides: [{ weight: 1 }] };
    const known = { ...world, profile: (): Content => ({ spec: said as never }) };
    const { annotations, spec } = render([off], known).get('ServiceProfile/trips')!;
    expect(annotations).to.deep.equal({ 'meshproof.dev/profile-before': JSON.stringify(said) });
    expect(spec).to.deep.equal({
      routes: [{ name: 'all', condition: everything }],
      dstOverrides: [{ weight: 1 }],
    });
    const again = { ...world, profile: (): Content => ({ annotations: annotations!, spec: spec! }) };
    const later = render([retry], again).get('ServiceProfile/trips')!;
    expect(later.annotations, 'not what an earlier policy said').to.deep.equal(annotations);
  });

  it('are the usual resources where they are of another kind', () => {
    const keys = [
      ...render([
        { kind: 'authorize', to: 'trips', from: ['viewer'] },
        { kind: 'outlier-detection', service: 'trips', consecutiveErrors: 0 },
      ]).keys(),
    ];
    expect(keys.map((id) => id.split('/')[0])).to.deep.equal([
      'MeshTLSAuthentication',
      'Server',
      'AuthorizationPolicy',
      'Service',
    ]);
  });
});

describe('what a ServiceProfile cannot say', () => {
  const route = (pathPrefix: string, attempts: number): Policy => ({ ...retry, attempts, route: { pathPrefix } });

  it('is different numbers of retries for routes of one service: they have one budget', () => {
    expect(cannotSay([route('/a', 4), route('/b', 2)])).to.equal(
      'a ServiceProfile has one retry budget for all routes of trips, not 2 and 4 retries for some of them',
    );
    expect(cannotSay([route('/a', 4), route('/b', 0), { ...retry, service: 'poi', attempts: 2 }])).to.equal(undefined);
  });

  it('is that a replica is left out', () => {
    const ejects: Policy = { kind: 'outlier-detection', service: 'trips', consecutiveErrors: 5 };
    expect(cannotSay([ejects])).to.include('leave out no replica');
    expect(cannotSay([{ ...ejects, consecutiveErrors: 0 }, retry, timeout])).to.equal(undefined);
  });
});

/** As Go prints the messages of linkerd2-proxy-api, which is what `linkerd diagnostics profile` does. */
const told = (...routes: object[]) => ({
  fully_qualified_name: 'trips.shop.svc.cluster.local',
  retry_budget: { retry_ratio: 4, min_retries_per_second: 4, ttl: { seconds: 1 } },
  routes,
});
const path = (regex: string) => ({ condition: { Match: { Path: { regex } } }, metrics_labels: { route: regex } });
const status = (min: number, max: number, is_failure?: true) => ({
  condition: { Match: { Status: { min, max } } },
  ...(is_failure && { is_failure }),
});
const retryable = { is_retryable: true, response_classes: [status(503, 503, true), status(100, 599)] };

const proxy = (...answers: object[]): LinkerdProxy => ({
  service: 'viewer',
  outbound: [],
  profiles: answers.map(readProfile),
  inbound: [],
  factsOf: world.factsOf,
});
const inForce = (policy: Policy, seen: LinkerdProxy): boolean | undefined => {
  const found = rendererOf<never, never, LinkerdProxy>(renderers as never, policy.kind)!.inForce(policy as never, seen);
  return found && isDeepStrictEqual(found.has, found.wants);
};

describe('what callers are told by a ServiceProfile', () => {
  it('is routes with retries, statuses and a timeout, and a budget', () => {
    const api = { ...path('/api.*'), ...retryable, timeout: { seconds: 1, nanos: 5e8 } };
    expect(readProfile(told(api, path('.*')))).to.deep.equal({
      routes: [
        { name: '/api.*', pathRegex: '/api.*', retryable: true, failures: [503], timeoutMs: 1500 },
        { name: '.*', pathRegex: '.*', retryable: false, timeoutMs: 0 },
      ],
      budget: { ratio: 4, minPerSecond: 4, ttlMs: 1000 },
    });
  });

  it('is, by a real Linkerd, what was written', () => {
    const told = readProfile(JSON.parse(recorded('linkerd-profile')));
    expect(told).to.deep.equal({
      routes: [
        { name: '/slow', pathRegex: '/slow.*', retryable: true, failures: [503], timeoutMs: 500 },
        { name: 'all', pathRegex: '.*', retryable: true, failures: [503], timeoutMs: 0 },
      ],
      budget: { ratio: 4, minPerSecond: 4, ttlMs: 1000 },
    });
    const seen: LinkerdProxy = { ...proxy(), profiles: [told] };
    expect([inForce(retry, seen), inForce(off, seen)]).to.deep.equal([true, false]);
    const slow: Policy = { ...timeout, route: { pathPrefix: '/slow' }, timeoutMs: 500 };
    expect([inForce(slow, seen), inForce({ ...timeout, timeoutMs: 500 }, seen)]).to.deep.equal([true, false]);
  });

  it('is nothing but Linkerd’s own budget where there is no ServiceProfile', () => {
    expect(readProfile(JSON.parse(recorded('linkerd-profile-none')))).to.deep.equal({
      routes: [],
      budget: { ratio: 0.2, minPerSecond: 10, ttlMs: 10_000 },
    });
  });

  it('is every 5xx where no class says otherwise', () => {
    const [route] = readProfile(
      told({ ...path('.*'), response_classes: [status(404, 404, true), status(500, 598)] }),
    ).routes;
    expect(route!.failures).to.deep.equal([404, 599]);
  });

  it('is the first route whose expression fits the whole path', () => {
    const { routes } = readProfile(told(path('/api'), path('/api/.*'), path('('), path('.*')));
    expect([
      routeOf(routes, '/api')?.name,
      routeOf(routes, '/api/x')?.name,
      routeOf(routes, '/apis')?.name,
    ]).to.deep.equal(['/api', '/api/.*', '.*']);
  });
});

describe('whether proxies have the policies of a ServiceProfile', () => {
  it('is seen of retries, with their budget and their statuses', () => {
    const on = proxy(told({ ...path('.*'), ...retryable }));
    expect([inForce(retry, on), inForce(off, on)]).to.deep.equal([true, false]);
    expect(inForce({ ...retry, attempts: 3 }, on), 'another budget').to.equal(false);
    expect(inForce({ ...retry, onStatus: [503, 502] }, on), 'other statuses').to.equal(false);
    expect(inForce(retry, proxy(told({ ...path('.*'), is_retryable: true }))), 'every 5xx').to.equal(false);
    const plain = proxy(told(path('.*')));
    expect([inForce(retry, plain), inForce(off, plain)]).to.deep.equal([false, true]);
  });

  it('is seen of timeouts, by the route that takes the requests', () => {
    const ends = { timeout: { seconds: 1, nanos: 5e8 } };
    const seen = proxy(told({ ...path('/api.*'), ...ends }, path('.*')));
    expect(inForce({ ...timeout, route: { pathPrefix: '/api' } }, seen)).to.equal(true);
    expect(inForce(timeout, seen)).to.equal(false);
    expect(inForce({ ...timeout, timeoutMs: 0 }, seen)).to.equal(true);
  });

  it('is not, where there is no ServiceProfile: nothing else says that nothing is retried', () => {
    const none = proxy({ retry_budget: {} });
    expect([inForce(off, none), inForce({ ...timeout, timeoutMs: 0 }, none)]).to.deep.equal([false, false]);
  });

  it('is not, where one port of the service lacks it', () => {
    expect(inForce(retry, proxy(told({ ...path('.*'), ...retryable }), told(path('.*'))))).to.equal(false);
  });

  it('is nobody’s business where the service has no HTTP port', () => {
    expect(inForce(retry, proxy())).to.equal(undefined);
  });
});
