import { expect } from 'chai';
import { istioAdapter } from '../../../src/meshes/istio/adapter.ts';
import { sidecarRevision } from '../../../src/meshes/istio/adopt.ts';
import { istio } from '../../../src/meshes/istio/index.ts';
import type { MeshproofError } from '../../../src/base/errors.ts';
import type { Policy } from '../../../src/policies/index.ts';
import { namespace, openTestMesh, type TestMesh } from './test-mesh.ts';

const baseline: Policy[] = [{ kind: 'authorize', to: 'server', from: ['client'] }];

describe('Istio as a revision, with another profile', function () {
  this.timeout(300_000);
  let on: TestMesh;
  const statusOf = async (app: string, url: string) => (await on.call(app, url))[0]!.status;

  before(async () => {
    on = await openTestMesh({ entry: istio, open: istioAdapter, own: { revision: 'canary', profile: 'demo' } });
    await on.mesh.install(baseline, () => on.deploy());
    await on.settled();
    await on.mesh.resetPolicies(baseline);
  });

  after(async () => {
    await on?.lab.delete();
  });

  it('is found by its labels, whatever its parts are called, and carries calls by its policies', async () => {
    const { kube } = on.lab;
    expect(await on.mesh.installation!()).to.deep.include({ adopted: false, revision: 'canary', profile: 'demo' });
    expect((await on.mesh.components())[0]).to.include({ name: 'istiod-canary', ready: true });
    const { metadata } = await kube.get(`/api/v1/namespaces/${namespace}`);
    expect(metadata.labels).to.include({ 'istio.io/rev': 'canary' });
    const [pod] = await kube.list(`/api/v1/namespaces/${namespace}/pods`, 'app=server');
    expect(sidecarRevision(pod!.metadata)).to.equal('canary');
    expect(await statusOf('client', 'http://server/')).to.equal(200);
    expect(await statusOf('stranger', 'http://server/')).to.equal(403);
    expect(await statusOf('outsider', 'http://server/')).to.equal(0);
    const gateways = await kube.list(
      '/apis/apps/v1/namespaces/istio-system/deployments',
      'istio in (ingressgateway,egressgateway)',
    );
    expect(
      gateways.map(({ status }) => status.readyReplicas as number),
      'of the profile',
    ).to.deep.equal([1, 1]);
  });

  it('is healthy by its own istioctl', async () => {
    for (const check of on.mesh.healthChecks()) {
      const { problems, findings = [] } = await check.look();
      expect({ problems, findings }, check.id).to.deep.equal({ problems: [], findings: [] });
    }
  });

  it('is found again by a later process, and no second one is put beside it', async () => {
    expect((await (await on.anotherProcess(baseline)).installation!()).revision).to.equal('canary');
    const other = await on
      .chosen({})
      .install(baseline)
      .then(
        () => expect.fail('it was put beside it'),
        (error: MeshproofError) => error,
      );
    expect(other.code).to.equal('MESHPROOF_MESH_CONFLICT');
    expect(other.message).to.include('is revision canary, and default is asked for');
  });
});
