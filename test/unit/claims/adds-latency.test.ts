import { expect } from 'chai';
import type { App, AppService, RunningApp } from '../../../src/apps/app.ts';
import type { RunContext } from '../../../src/claims/context.ts';
import { sameReplicas } from '../../../src/claims/same-replicas.ts';
import type { KubeClient, KubeObject } from '../../../src/kube/types.ts';
import { planTrials } from '../../../src/run/trials.ts';
import { scenarioFrom } from '../../../src/scenario/load.ts';

const service = (name: string, part: Partial<AppService> = {}): AppService => ({
  ...{ name, port: 80, containerPort: 8080, protocol: 'http', selector: { app: name }, container: name, account: name },
  ...{ call: { method: 'GET', path: '/', expectStatus: 200 }, alsoCalls: [], plant: [], routes: [], calls: [] },
  ...part,
});
const database = service('db', { protocol: 'tcp', call: undefined });
const app: App = {
  id: 'shop',
  title: 'Shop',
  namespace: 'shop',
  services: [database, service('web'), service('cart')],
  edges: [],
};
const scenario = (load: object) =>
  scenarioFrom({ id: 'cost', title: 't', criterion: { id: 'c', title: 't' }, experiment: 'overhead', load });

/** Deployments by namespace and name; what was patched. */
function cluster(replicas: Record<string, Record<string, number>>) {
  const patched: [string, unknown][] = [];
  const list = (path: string): Promise<KubeObject[]> => {
    const namespace = /namespaces\/([^/]+)\//.exec(path)?.[1] ?? '';
    return Promise.resolve(
      Object.entries(replicas[namespace] ?? {}).map(([name, count]) => ({
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { replicas: count } },
      })),
    );
  };
  const patch = (path: string, body: unknown) => Promise.resolve(void patched.push([path, body]));
  return { kube: { list, patch } as unknown as KubeClient, patched };
}
const running = (namespace: string, meshed: boolean): RunningApp => ({
  ...{ app, namespace, meshed, pods: () => Promise.resolve([]), answering: () => Promise.resolve() },
});

describe('the claim adds-latency', () => {
  it('is tried on the first service that answers HTTP, or on the one that is named', () => {
    const tried = (load: object) =>
      planTrials([scenario(load)], app).map(({ trial }) => [trial.id, trial.subject?.service.name]);
    expect(tried({})).to.deep.equal([['cost', 'web']]);
    expect(tried({ service: 'cart' })).to.deep.equal([['cost', 'cart']]);
    expect(() => tried({ service: 'db' })).to.throw(/has no service `db`/);
  });

  it('sends the same load to the twin and to the mesh, by turns', async () => {
    const [planned] = planTrials([scenario({ rps: 30, seconds: 15, rounds: 6 })], app);
    const { kube, patched } = cluster({ shop: { web: 2, cart: 2 }, 'shop-plain': { web: 1, cart: 2 } });
    const twin = running('shop-plain', false);
    const lab = { kube, app: running('shop', true), twin: () => Promise.resolve(twin) };
    const context = { lab, signal: new AbortController().signal } as unknown as RunContext;
    const { control, treatment, rounds } = await planned!.claim.arms(planned!.trial, context);
    expect(rounds).to.equal(6);
    expect(patched).to.deep.equal([['/apis/apps/v1/namespaces/shop-plain/deployments/web', { spec: { replicas: 2 } }]]);
    const { targets: plain, ...load } = control!.load;
    const { targets: meshed, ...same } = treatment!.load;
    expect(load).to.deep.equal(same);
    expect([plain, meshed].map(([target]) => target?.url)).to.deep.equal([
      'http://web.shop-plain/',
      'http://web.shop/',
    ]);
    expect(control).to.deep.include({ watch: [], baselineMs: 15_000, policies: [] });
    expect(treatment).to.deep.include({ watch: ['web'], witnesses: ['web'], baselineMs: 15_000, policies: [] });
  });

  it('wants two rounds at least: one run alone says nothing of the noise', () => {
    expect(() => scenario({ rounds: 1 })).to.throw(/load\.rounds/);
  });
});

describe('as many replicas', () => {
  it('are asked for only where they differ, and only of what both have', async () => {
    const { kube, patched } = cluster({ shop: { web: 2 }, 'shop-plain': { web: 2, probe: 1 } });
    await sameReplicas(kube, {
      like: running('shop', true),
      app: running('shop-plain', false),
      signal: new AbortController().signal,
    });
    expect(patched).to.deep.equal([]);
  });
});
