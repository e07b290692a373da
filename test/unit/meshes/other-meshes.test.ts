import { expect } from 'chai';
import type { MeshproofError } from '../../../src/base/errors.ts';
import { KubeApiError } from '../../../src/kube/kube-api-error.ts';
import type { KubeClient, KubeObject } from '../../../src/kube/types.ts';
import { meshes } from '../../../src/meshes/index.ts';
import { invitationsOf, refuseOtherMeshes } from '../../../src/meshes/other-meshes.ts';
import { toy } from './toy-mesh.ts';

const { consul, istio, linkerd } = meshes;

/** A cluster that has these workloads, each by the path and the selector that it is found with. */
function cluster(workloads: Record<string, KubeObject>, namespace?: KubeObject['metadata']): KubeClient {
  return {
    list: async (path: string, selector = '') => {
      const found = workloads[`${path}?${selector}`];
      return found === undefined ? [] : [found];
    },
    get: async (path: string) => {
      if (namespace !== undefined) return { apiVersion: 'v1', kind: 'Namespace', metadata: namespace };
      throw new KubeApiError({ call: path, httpStatus: 404, reason: 'NotFound', message: 'none' });
    },
  } as unknown as KubeClient;
}

const deployment = (namespace: string, name: string): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace, name },
});
const all = Object.values(meshes);
const look = (kube: KubeClient, wanted: (typeof all)[number] = istio): Promise<MeshproofError | undefined> =>
  refuseOtherMeshes(kube, wanted, { all, namespace: 'shop' }).then(
    () => undefined,
    (error: MeshproofError) => error,
  );

describe('another mesh in the cluster', () => {
  const destination = {
    '/apis/apps/v1/deployments?linkerd.io/control-plane-component': deployment('linkerd', 'linkerd-destination'),
  };

  it('is none: nothing is said, also of the mesh itself', async () => {
    expect(await look(cluster({}))).to.equal(undefined);
    expect(
      await look(cluster(destination, { name: 'shop', labels: { 'istio-injection': 'enabled' } }), linkerd),
    ).to.have.property('code', 'MESHPROOF_MESH_CONFLICT');
    expect(await look(cluster(destination), linkerd), 'its own control plane').to.equal(undefined);
  });

  it('is found by its control plane, whoever installed it and wherever', async () => {
    const error = await look(cluster(destination));
    expect(error).to.include({ code: 'MESHPROOF_MESH_CONFLICT', exitCode: 3 });
    expect(error?.message).to.include('Linkerd’s Deployment linkerd/linkerd-destination');
    const consuls = {
      '/apis/apps/v1/deployments?app=consul,component=connect-injector': deployment('mesh', 'consul-connect-injector'),
    };
    expect((await look(cluster(consuls)))?.message).to.include('Consul’s Deployment mesh/consul-connect-injector');
    const istios = { '/apis/apps/v1/deployments?app=istiod': deployment('istio-system', 'istiod-canary') };
    expect((await look(cluster(istios), consul))?.message).to.include('Istio’s Deployment istio-system/istiod-canary');
  });

  it('is invited by the application’s namespace: both would put a proxy into its pods', async () => {
    const error = await look(cluster({}, { name: 'shop', annotations: { 'linkerd.io/inject': 'enabled' } }));
    expect(error?.message).to.include('namespace shop asks for Linkerd’s injector (linkerd.io/inject=enabled)');
    expect(await look(cluster({}, { name: 'shop', annotations: { 'linkerd.io/inject': 'disabled' } }))).to.equal(
      undefined,
    );
  });

  it('invites by labels and annotations, unless they say no', () => {
    expect(invitationsOf(toy, { labels: { 'toy.example/inject': 'yes' } })).to.deep.equal(['toy.example/inject=yes']);
    expect(invitationsOf(toy, { labels: { 'toy.example/inject': 'no' } })).to.deep.equal([]);
    expect(invitationsOf(istio, { labels: { 'istio.io/rev': 'canary' } })).to.deep.equal(['istio.io/rev=canary']);
  });
});
