import { expect } from 'chai';
import { MeshproofError } from '../../../src/base/errors.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import type { MeshAdapter } from '../../../src/meshes/adapter.ts';
import type { MeshEntry } from '../../../src/meshes/define-mesh.ts';
import { findMesh } from '../../../src/verify/find-mesh.ts';
import { toy } from '../meshes/toy-mesh.ts';
import { json, ScriptedApi } from '../kube/api-server.ts';

const guestRights = () => [];
const first: MeshEntry = { ...toy, name: 'first', title: 'First', guestRights };
const second: MeshEntry = { ...toy, name: 'second', title: 'Second' };
const open = ({ name }: MeshEntry) => ({ name, sidecarContainer: `${name}-proxy` }) as MeshAdapter;

/** The mesh that is found for pods with these containers, or what it is refused with. */
async function found(pods: string[][], asked?: MeshEntry, namespace = 'shop'): Promise<string> {
  await using api = await ScriptedApi.start((request, response) => {
    if (request.path === '/api/v1/namespaces/bank') return json(response, { reason: 'NotFound' }, 404);
    if (request.path === '/api/v1/namespaces/shop') return json(response, { metadata: { name: 'shop' } });
    const items = pods.map((names, index) => ({
      metadata: { name: `pod-${index}`, namespace: 'shop' },
      spec: { containers: names.map((name) => ({ name })) },
      status: { phase: 'Running' },
    }));
    const isPods = request.path.includes('/pods');
    json(response, {
      kind: isPods ? 'PodList' : 'ServiceList',
      apiVersion: 'v1',
      metadata: {},
      items: isPods ? items : [],
    });
  });
  const kube: KubeClient = api.client;
  try {
    const { entry } = await findMesh(kube, namespace, { entries: [first, second], asked, open });
    return entry.name;
  } catch (error) {
    expect(error).to.be.instanceOf(MeshproofError).and.to.include({ code: 'MESHPROOF_USAGE' });
    return (error as MeshproofError).message;
  }
}

describe('the mesh of a namespace', () => {
  it('is the one whose sidecars its pods have', async () => {
    expect(await found([['app'], ['app', 'first-proxy']])).to.equal('first');
  });

  it('is the one that is asked for, also where no pod has a sidecar', async () => {
    expect(await found([['app']], first)).to.equal('first');
    expect(await found([['app', 'second-proxy']], first)).to.equal('first');
  });

  it('cannot be told without a sidecar, with those of several, or without a pod', async () => {
    expect(await found([['app']])).to.match(/has a sidecar of a mesh that is known \(First, Second\)/);
    expect(await found([['first-proxy'], ['second-proxy']])).to.match(/sidecars of First and Second/);
    expect(await found([])).to.match(/No pod lives in the namespace shop/);
    expect(await found([['app']], first, 'bank')).to.equal('There is no namespace bank');
  });

  it('may be one that a guest cannot look at', async () => {
    expect(await found([['second-proxy']])).to.match(/^Second cannot be verified/);
  });
});
