import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { stringify } from 'yaml';
import type { MeshproofError } from '../../../../src/base/errors.ts';
import { KubeApiError } from '../../../../src/kube/kube-api-error.ts';
import type { KubeClient, KubeObject } from '../../../../src/kube/types.ts';
import type { MeshContext } from '../../../../src/meshes/adapter.ts';
import { dialectOf, toldIn } from '../../../../src/meshes/istio/dialects.ts';
import { checkDefinitions, ensureDefinitions } from '../../../../src/meshes/istio/gateway-api/definitions.ts';
import { istioPolicies } from '../../../../src/meshes/istio/policies/index.ts';
import { istioPolicyTarget } from '../../../../src/meshes/istio/policy-target.ts';
import { renderPolicies } from '../../../../src/meshes/istio/render-policies.ts';
import type { EnvoyAdmin } from '../../../../src/meshes/envoy/admin.ts';
import type { Policy } from '../../../../src/policies/index.ts';

const told = toldIn(dialectOf({ dialect: 'gateway-api' }));
const ports = [{ port: 80, targetPort: 8080 }];
const factsOf = (service: string) => ({ selector: { app: service }, account: service, ports });
const render = (policies: Policy[], facts: typeof factsOf = factsOf) =>
  renderPolicies(policies, { namespace: 'shop', factsOf: facts }, told.renderers);
const rulesOf = (policies: Policy[]) =>
  (render(policies).get('HTTPRoute/trips-80') as { rules: object[] } | null | undefined)?.rules;
const retry: Policy = { kind: 'retry', service: 'trips', attempts: 4, onStatus: [503, 504] };
const backendRefs = [{ name: 'trips', port: 80 }];
const all = [{ path: { type: 'PathPrefix', value: '/' } }];

describe('policies of Istio in the words of the Gateway API', () => {
  it('are an HTTPRoute whose parent is the port of the Service, and no VirtualService beside it', () => {
    const rendered = render([retry, { kind: 'timeout', service: 'trips', timeoutMs: 1500 }]);
    expect([...rendered]).to.deep.equal([
      ['VirtualService/trips', null],
      [
        'HTTPRoute/trips-80',
        {
          parentRefs: [{ group: '', kind: 'Service', name: 'trips', port: 80 }],
          rules: [
            {
              matches: all,
              backendRefs,
              timeouts: { request: '1500ms' },
              retry: { attempts: 4, codes: [503, 504] },
            },
          ],
        },
      ],
    ]);
  });

  it('are one for each port: a rule sends to the port that was called', () => {
    const two = () => ({ ...factsOf('trips'), ports: [...ports, { port: 9090, targetPort: 9090 }] });
    const rendered = render([retry], two);
    const portsOf = (id: string) => {
      const { parentRefs, rules } = rendered.get(id) as unknown as {
        parentRefs: { port: number }[];
        rules: { backendRefs: { port: number }[] }[];
      };
      return [parentRefs[0]?.port, rules[0]?.backendRefs[0]?.port];
    };
    expect(portsOf('HTTPRoute/trips-80')).to.deep.equal([80, 80]);
    expect(portsOf('HTTPRoute/trips-9090')).to.deep.equal([9090, 9090]);
  });

  it('have the longest prefix first, and leave all other requests a way', () => {
    const slow: Policy = { kind: 'timeout', service: 'trips', route: { pathPrefix: '/slow' }, timeoutMs: 250 };
    expect(rulesOf([slow])).to.deep.equal([
      {
        matches: [{ path: { type: 'PathPrefix', value: '/slow' } }],
        backendRefs,
        timeouts: { request: '250ms' },
      },
      { matches: all, backendRefs },
    ]);
    const [own, others] = rulesOf([retry, slow])!;
    expect(own, 'what holds for all holds there too').to.deep.include({ retry: { attempts: 4, codes: [503, 504] } });
    expect(others).not.to.have.property('timeouts');
  });

  it('say no timeout as zero, and none of more digits than a duration has', () => {
    const request = (timeoutMs: number) =>
      (rulesOf([{ kind: 'timeout', service: 'trips', timeoutMs }])![0] as { timeouts: { request: string } }).timeouts
        .request;
    const durations = [0, 1, 99_999, 100_000, 3_600_000, 90_061_001].map(request);
    expect(durations).to.deep.equal(['0s', '1ms', '99999ms', '1m40s', '1h', '25h1m1s1ms']);
    for (const text of durations) expect(text).to.match(/^([0-9]{1,5}(h|m|s|ms)){1,4}$/);
  });

  it('name each status once: the Gateway API refuses a set that has it twice', () => {
    expect(rulesOf([{ ...retry, onStatus: [503, 503] }])![0]).to.deep.include({ retry: { attempts: 4, codes: [503] } });
  });

  it('leave the other kinds to Istio’s own resources', () => {
    const policies: Policy[] = [
      { kind: 'outlier-detection', service: 'trips', consecutiveErrors: 9 },
      { kind: 'authorize', to: 'trips', from: ['viewer'] },
      { kind: 'mtls', service: 'trips', mode: 'permissive' },
    ];
    expect([...render(policies)]).to.deep.equal([...renderPolicies(policies, { namespace: 'shop', factsOf })]);
  });

  it('and in Istio’s own words need no HTTPRoute, and nothing of who has none', () => {
    expect(toldIn(undefined).kinds).not.to.include('HTTPRoute');
    expect(toldIn(dialectOf({})).renderers).to.deep.equal(istioPolicies);
    expect([...renderPolicies([retry], { namespace: 'shop', factsOf }).keys()]).to.deep.equal(['VirtualService/trips']);
  });
});

describe('what an HTTPRoute cannot say', () => {
  const target = istioPolicyTarget({
    kube: undefined as unknown as KubeClient,
    admin: undefined as unknown as EnvoyAdmin,
    namespace: 'shop',
    trustDomain: 'cluster.local',
    told,
  });
  const yaml = (policies: Policy[], known: object = factsOf('trips')) =>
    target
      .render(policies, new Map([['facts/trips', known as never]]), [])
      .map((resource) => target.toYaml(resource))
      .join('---\n');

  const many = Array.from({ length: 16 }, (_, index): Policy => ({
    kind: 'timeout',
    service: 'trips',
    route: { pathPrefix: `/${index}` },
    timeoutMs: 250,
  }));
  for (const [what, policies, known, why] of [
    ['no retries', [{ ...retry, attempts: 0 }], undefined, 'cannot say that there are no retries'],
    [
      'no retries on one of its routes',
      [retry, { ...retry, route: { pathPrefix: '/api' }, attempts: 0 }],
      undefined,
      'cannot say that there are no retries',
    ],
    [
      'a prefix with a slash at its end',
      [{ ...retry, route: { pathPrefix: '/api/' } }],
      undefined,
      'does not see the slash at the end of /api/',
    ],
    ['more rules than one has', many, undefined, '16 rules at most, and 17 are needed'],
    ['a Service without ports', [retry], { ...factsOf('trips'), ports: [] }, 'none is known'],
  ] as [string, Policy[], object | undefined, string][])
    it(`is a VirtualService, with the reason, and no HTTPRoute is left: ${what}`, () => {
      const text = yaml(policies, known);
      expect(text).to.match(new RegExp(`^# A VirtualService, since an HTTPRoute .*${why}`));
      expect(text).to.include('kind: VirtualService').and.not.to.include('kind: HTTPRoute');
      if (known === undefined) expect(text).to.include('# HTTPRoute of trips-80: none');
    });

  it('is nothing of what it can say', () => {
    expect(yaml([retry])).to.match(
      /^# VirtualService of trips: none\n---\napiVersion: gateway.networking.k8s.io\/v1\n/,
    );
    expect(yaml(many.slice(1))).to.include('kind: HTTPRoute');
    expect(yaml([{ ...retry, route: { pathPrefix: '/' } }])).to.include('kind: HTTPRoute');
  });
});

describe('the definitions of the Gateway API', () => {
  const name = 'httproutes.gateway.networking.k8s.io';
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const definition = (fields: object, crd = name): KubeObject => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: crd,
      annotations: {
        'gateway.networking.k8s.io/bundle-version': 'v1.1.0',
        'gateway.networking.k8s.io/channel': 'standard',
      },
    },
    spec: {
      versions: [
        {
          name: 'v1',
          served: true,
          schema: {
            openAPIV3Schema: {
              properties: { spec: { properties: { rules: { items: { properties: fields } } } } },
            },
          },
        },
      ],
    },
  });
  const timeouts = { properties: { request: {} } };
  const whole = { timeouts, retry: { properties: { attempts: {}, codes: {} } } };
  const istiod = (env: object[] = []): KubeObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'istiod', namespace: 'istio-system' },
    spec: { template: { spec: { containers: [{ name: 'discovery', env }] } } },
  });
  const installation = { namespace: 'istio-system', deployment: 'istiod' };
  const notThere = () => new KubeApiError({ call: 'GET', httpStatus: 404, reason: 'NotFound', message: 'none' });

  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshproof-crds-'));
  });
  after(() => rm(folder, { recursive: true }));

  /** A cluster with these objects, that serves HTTPRoutes from the second look after they are defined. */
  const cluster = (there: KubeObject[], deployment = istiod()) => {
    const applied: string[] = [];
    let looks = 0;
    const kube = {
      get: async (path: string) => {
        if (path.includes('/deployments/')) return deployment;
        const found = there.find(({ metadata }) => path === `${crds}/${metadata.name}`);
        if (found === undefined) throw notThere();
        return found;
      },
      apply: async (objects: KubeObject[]) => void applied.push(...objects.map(({ metadata }) => metadata.name)),
      list: async () => {
        if (++looks < 2) throw notThere();
        return [];
      },
    } as unknown as KubeClient;
    const tool = async () => {
      const bin: Record<string, string> = {};
      for (const each of [name, 'gateways.gateway.networking.k8s.io']) {
        bin[each] = join(folder, `${each}.yaml`);
        await writeFile(bin[each], stringify(definition(whole, each)));
      }
      return { bin };
    };
    const context = { kube, tool, signal: new AbortController().signal } as unknown as MeshContext;
    return { context, applied, looks: () => looks };
  };
  const refused = (doing: Promise<void>): Promise<MeshproofError> =>
    doing.then(
      () => expect.fail('it was taken'),
      (error: MeshproofError) => error,
    );

  it('are installed where there are none, and waited for', async () => {
    const { context, applied, looks } = cluster([]);
    await ensureDefinitions(context);
    expect(applied).to.have.members([name, 'gateways.gateway.networking.k8s.io']);
    expect(looks(), 'until they are served').to.equal(2);
  });

  it('are left as they are where they are there and have what is written', async () => {
    const { context, applied } = cluster([definition(whole)]);
    await ensureDefinitions(context);
    await checkDefinitions(context, installation);
    expect(applied).to.deep.equal([]);
  });

  it('are not written over where some of them are somebody’s', async () => {
    const { context, applied } = cluster([definition({}, 'gateways.gateway.networking.k8s.io')]);
    await ensureDefinitions(context);
    expect(applied).to.deep.equal([name]);
  });

  it('are refused where they lack what is written, with their version, and nothing is changed', async () => {
    const { context, applied } = cluster([definition({ timeouts })]);
    for (const doing of [ensureDefinitions(context), checkDefinitions(context, installation)]) {
      const error = await refused(doing);
      expect(error).to.include({ code: 'MESHPROOF_MESH_CONFLICT' });
      expect(error.message).to.include('Gateway API v1.1.0, channel standard');
      expect(error.message).to.match(/have no rules\[\]\.retry\.attempts, rules\[\]\.retry\.codes$/);
      expect(error.hint).to.include('experimental channel').and.to.include('--mesh-dialect');
    }
    expect(applied).to.deep.equal([]);
    const old = definition(whole);
    (old.spec.versions as { served: boolean }[])[0]!.served = false;
    expect((await refused(ensureDefinitions(cluster([old]).context))).message).to.include('rules[].timeouts.request');
  });

  it('are not brought to an Istio that is there, nor is its switch turned', async () => {
    const { context, applied } = cluster([]);
    expect((await refused(checkDefinitions(context, installation))).message).to.include('no HTTPRoutes');
    expect(applied).to.deep.equal([]);
    const off = istiod([{ name: 'PILOT_ENABLE_GATEWAY_API', value: 'false' }]);
    const blind = await refused(checkDefinitions(cluster([definition(whole)], off).context, installation));
    expect(blind.message).to.equal(
      'istio-system/istiod does not look at the Gateway API: PILOT_ENABLE_GATEWAY_API is false',
    );
    const on = istiod([{ name: 'PILOT_ENABLE_GATEWAY_API', value: 'true' }]);
    await checkDefinitions(cluster([definition(whole)], on).context, installation);
  });
});
