import { expect } from 'chai';
import { systemClock } from '../../../src/base/clock.ts';
import { Discovery } from '../../../src/kube/discovery.ts';
import { KubeApiError } from '../../../src/kube/kube-api-error.ts';

const list = (...resources: [name: string, kind: string, namespaced: boolean][]): object => ({
  kind: 'APIResourceList',
  resources: resources.map(([name, kind, namespaced]) => ({ name, kind, namespaced })),
});
const lists: Record<string, object> = {
  '/api/v1': list(
    ['pods/log', 'Pod', true],
    ['pods', 'Pod', true],
    ['nodes', 'Node', false],
    ['endpoints', 'Endpoints', true],
  ),
  '/apis/apps/v1': list(['deployments/scale', 'Scale', true], ['deployments', 'Deployment', true]),
  // Plurals that no rule guesses, and a custom kind without a namespace.
  '/apis/meshes.example/v1': list(['servicemice', 'ServiceMouse', true], ['trustbundles', 'Bundle', false]),
};

async function errorOf(work: Promise<unknown>): Promise<KubeApiError> {
  return work.then(
    () => expect.fail('it did not throw'),
    (error: KubeApiError) => error,
  );
}

describe('API paths of objects', () => {
  const cases: [string, string, string | undefined, string][] = [
    ['v1', 'Pod', 'demo', '/api/v1/namespaces/demo/pods/x'],
    ['v1', 'Pod', undefined, '/api/v1/namespaces/default/pods/x'],
    ['v1', 'Node', undefined, '/api/v1/nodes/x'],
    ['v1', 'Node', 'left-over', '/api/v1/nodes/x'],
    ['v1', 'Endpoints', 'demo', '/api/v1/namespaces/demo/endpoints/x'],
    ['apps/v1', 'Deployment', 'demo', '/apis/apps/v1/namespaces/demo/deployments/x'],
    ['meshes.example/v1', 'ServiceMouse', 'a', '/apis/meshes.example/v1/namespaces/a/servicemice/x'],
    ['meshes.example/v1', 'ServiceMouse', undefined, '/apis/meshes.example/v1/namespaces/default/servicemice/x'],
    ['meshes.example/v1', 'Bundle', undefined, '/apis/meshes.example/v1/trustbundles/x'],
  ];
  for (const [apiVersion, kind, namespace, path] of cases) {
    it(`${kind} ${namespace === undefined ? 'without a namespace' : `in ${namespace}`} is ${path}`, async () => {
      const discovery = new Discovery(async (at) => lists[at]);
      expect(await discovery.pathOf({ apiVersion, kind, metadata: { name: 'x', namespace } })).to.equal(path);
      expect(`${await discovery.collectionPathOf({ apiVersion, kind, metadata: { namespace } })}/x`).to.equal(path);
    });
  }

  const bundle = { apiVersion: 'meshes.example/v1', kind: 'Bundle', metadata: { name: 'x' } };

  it('are looked up once per group and version, also by many at once', async () => {
    const asked: string[] = [];
    const discovery = new Discovery(async (at) => (asked.push(at), lists[at]));
    await Promise.all([1, 2, 3].map(() => discovery.pathOf(bundle)));
    await discovery.pathOf({ ...bundle, kind: 'ServiceMouse' });
    expect(asked).to.deep.equal(['/apis/meshes.example/v1']);
  });

  it('are looked up anew for a kind that was not there', async () => {
    let served = list();
    let now = 0;
    const discovery = new Discovery(async () => served, { ...systemClock, monotonicMs: () => now });
    const error = await errorOf(discovery.pathOf(bundle));
    expect([error.code, error.httpStatus, error.retryable]).to.deep.equal(['MESHPROOF_KUBE_API', 404, false]);
    expect(error.message).to.contain('does not know the kind Bundle in meshes.example/v1');
    served = lists['/apis/meshes.example/v1']!;
    now += 1000;
    expect(await discovery.pathOf(bundle)).to.equal('/apis/meshes.example/v1/trustbundles/x');
  });

  it('are looked up anew after a look that failed', async () => {
    let fails = true;
    const discovery = new Discovery(async (at) => {
      if (!fails) return lists[at];
      fails = false;
      throw new KubeApiError({ call: `GET ${at}`, httpStatus: 503, reason: 'HTTP503', message: 'starting' });
    });
    expect((await errorOf(discovery.pathOf(bundle))).httpStatus).to.equal(503);
    expect(await discovery.pathOf(bundle)).to.equal('/apis/meshes.example/v1/trustbundles/x');
  });
});
