import { expect } from 'chai';
import type { KubeObject } from '../../../src/kube/types.ts';
import { json, ScriptedApi } from './api-server.ts';

const crd: KubeObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'servicemice.meshes.example' },
  spec: { group: 'meshes.example', names: { kind: 'ServiceMouse', plural: 'servicemice' } },
};
const mouse: KubeObject = {
  apiVersion: 'meshes.example/v1',
  kind: 'ServiceMouse',
  metadata: { name: 'x', namespace: 'a' },
};
const namespace: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } };
const pod: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'a' } };
const condition = (type: string, status: string, message?: string): object => ({ type, status, message });

describe('applying a set with definitions of kinds', () => {
  /** An API server that takes a kind in slowly: Established at the third look, listed at the second after that. */
  async function slowApi(established: object[] = [condition('Established', 'True')]): Promise<ScriptedApi> {
    let looks = 0;
    const api = await ScriptedApi.start((asked, response) => {
      if (asked.path.startsWith('/apis/meshes.example/v1?') || asked.path === '/apis/meshes.example/v1')
        return json(response, { reason: 'NotFound' }, 404);
      if (asked.method === 'GET') {
        looks++;
        if (looks === 5) api.kinds['/apis/meshes.example/v1'] = [['servicemice', 'ServiceMouse', true]];
        return json(response, { status: { conditions: looks >= 3 ? established : [] } });
      }
      json(response, {});
    });
    return api;
  }
  const applied = (api: ScriptedApi): string[] =>
    api.asked.filter(({ method }) => method === 'PATCH').map(({ path }) => path.split('?')[0]!);

  it('waits until they are established and listed, with the objects of these kinds only', async () => {
    await using api = await slowApi();
    await api.client.apply([pod, mouse, crd, namespace]);
    expect(applied(api)).to.deep.equal([
      '/api/v1/namespaces/a',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/servicemice.meshes.example',
      '/api/v1/namespaces/a/pods/p',
      '/apis/meshes.example/v1/namespaces/a/servicemice/x',
    ]);
    const before = api.asked.findIndex(({ path }) => path.includes('/servicemice/x'));
    expect(api.asked.slice(0, before).filter(({ path }) => path.endsWith('servicemice.meshes.example'))).to.have.length(
      5,
    );
  });

  it('does not wait where nothing uses them', async () => {
    await using api = await slowApi();
    await api.client.apply([crd, pod]);
    expect(api.asked.map(({ method }) => method)).to.deep.equal(['PATCH', 'PATCH']);
  });

  it('does not try an object whose kind nobody knows', async () => {
    await using api = await slowApi();
    const error = await api.client.apply([mouse]).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'MESHPROOF_KUBE_API', httpStatus: 404 });
    expect(applied(api)).to.deep.equal([]);
  });
});
