import { expect } from 'chai';
import type { App, AppService } from '../../../src/apps/app.ts';
import { parseScenario } from '../../../src/scenario/load.ts';
import type { Scenario } from '../../../src/scenario/schema.ts';
import { planTrials, unmet, waves } from '../../../src/run/trials.ts';

const call = (path: string) => ({ method: 'GET' as const, path, expectStatus: 200 });
const service = (name: string, more: Partial<AppService> = {}): AppService => ({
  name,
  port: 80,
  containerPort: 8080,
  protocol: 'http',
  selector: { app: name },
  container: name,
  account: name,
  call: call(`/api/${name}/1`),
  alsoCalls: [],
  plant: [],
  routes: [],
  calls: [],
  ...more,
});
const appOf = (services: AppService[]): App => ({ id: 'shop', title: 'Shop', namespace: 'shop', services, edges: [] });

const scenario = (load: string): Scenario => {
  const { value, findings } = parseScenario(
    `
id: retries
title: Retries
criterion: { id: retries, title: Retries }
experiment: resilience
load: { ${load}, rps: 10 }
fault: { kind: http-abort, percentage: 30 }
arms:
  control: { policies: [{ kind: retry, attempts: 0 }], phaseSeconds: { fault: 5 } }
  treatment: { policies: [{ kind: retry, attempts: 4 }], phaseSeconds: { fault: 5 } }
claim: { kind: recovers-errors, objective: 0.99, retries: 4 }
`,
    'x.yaml',
  );
  expect(findings).to.deep.equal([]);
  return value!;
};
const each = scenario('each: http');

describe('trials of a scenario', () => {
  it('are one for a named service, with the scenario’s own id', () => {
    const trials = planTrials([scenario('service: cart')], appOf([service('web'), service('cart')]));
    expect(trials.map(({ trial }) => [trial.id, trial.subject?.service.name])).to.deep.equal([['retries', 'cart']]);
  });

  it('are one for each service that speaks HTTP, and for each named route', () => {
    const buy = { name: 'buy', pathPrefix: '/api/orders', call: call('/api/orders') };
    const app = appOf([
      service('web'),
      service('cart', { routes: [buy] }),
      service('db', { protocol: 'tcp', call: undefined }),
    ]);
    expect(planTrials([each], app).map(({ trial }) => [trial.id, trial.subject?.pathPrefix])).to.deep.equal([
      ['retries-web', '/api/web/1'],
      ['retries-cart', '/api/cart/1'],
      ['retries-cart-buy', '/api/orders'],
    ]);
  });

  it('refuse a service that the app does not have, with the nearest one', () => {
    expect(() => planTrials([scenario('service: crat')], appOf([service('cart')])))
      .to.throw(/no service `crat`; did you mean `cart`/)
      .with.property('code', 'MESHPROOF_SCENARIO_INVALID');
  });
});

describe('trials side by side', () => {
  const groups = (services: AppService[]): string[][] => {
    const app = appOf(services);
    return waves(planTrials([each], app), app).map((wave) => wave.map(({ trial }) => trial.subject!.service.name));
  };

  it('are those of services that do not call one another', () => {
    expect(groups([service('a'), service('b'), service('c')])).to.deep.equal([['a', 'b', 'c']]);
  });

  it('are not those of a caller and what it calls, however far', () => {
    expect(
      groups([
        service('web', { calls: [{ service: 'middle' }] }),
        service('middle', { calls: [{ service: 'far' }] }),
        service('far'),
        service('other'),
      ]),
    ).to.deep.equal([['web', 'other'], ['middle'], ['far']]);
  });

  it('are those of a caller that uses other paths than the one that is hit', () => {
    expect(
      groups([service('web', { calls: [{ service: 'cart', paths: ['/api/cart'] }] }), service('cart')]),
    ).to.deep.equal([['web', 'cart']]);
    expect(
      groups([service('web', { calls: [{ service: 'cart', paths: ['/api/cart/*'] }] }), service('cart')]),
    ).to.deep.equal([['web'], ['cart']]);
  });

  it('are never two of one service', () => {
    const buy = { name: 'buy', pathPrefix: '/api/orders', call: call('/api/orders') };
    expect(groups([service('cart', { routes: [buy] })])).to.deep.equal([['cart'], ['cart']]);
  });
});

describe('what a lab cannot do', () => {
  const lab = (app: App, podNetwork?: object) =>
    ({
      cluster: { provider: 'fake', podNetwork },
      meshEntry: { title: 'Toy mesh', policies: { retry: {} } },
      app: { app },
    }) as unknown as Parameters<typeof unmet>[1];

  it('is told with its reason, and nothing else is', () => {
    expect(unmet({ twin: true }, lab(appOf([])))).to.contain('no unmeshed twin');
    expect(unmet({ captures: true }, lab(appOf([])))).to.contain('nothing can be captured');
    expect(unmet({ captures: true }, lab(appOf([]), {}))).to.equal(undefined);
    expect(unmet({}, lab(appOf([])))).to.equal(undefined);
    expect(unmet({ policies: ['retry'] }, lab(appOf([])))).to.equal(undefined);
    expect(unmet({ policies: ['retry', 'timeout'] }, lab(appOf([])))).to.equal('Toy mesh has no timeout');
  });

  it('is retries that a budget of the mesh does not cover, where it bounds them so', () => {
    const budget = lab(appOf([]));
    Object.assign(budget.meshEntry, { retriesBoundedBy: 'budget' });
    const retries = { attempts: 1, faultShare: 0.6 };
    expect(unmet({ retries }, budget)).to.equal(
      'Toy mesh bounds retries by a budget, and 1 for each request that succeeds are too few where 60 % of all tries fail',
    );
    expect(unmet({ retries: { ...retries, attempts: 2 } }, budget)).to.equal(undefined);
    expect(unmet({ retries: { attempts: 10, faultShare: 1 } }, budget)).to.include('100 % of all tries');
    expect(unmet({ retries }, lab(appOf([]))), 'by attempts').to.equal(undefined);
  });
});
