import { expect } from 'chai';
import { MeshproofError } from '../../../../src/base/errors.ts';
import type { KubeClient } from '../../../../src/kube/types.ts';
import { ownInstallation } from '../../../../src/meshes/istio/installation.ts';
import { withIstiodLog } from '../../../../src/meshes/istio/not-ready.ts';

const late = new MeshproofError('MESHPROOF_WORKLOAD_NOT_READY', 'istiod: not there after 120.0 s', 'look');
const kubeWith = (log: () => Promise<string>): KubeClient =>
  ({
    list: async () => [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'istiod-1' }, status: { phase: 'Running' } }],
    getText: log,
  }) as unknown as KubeClient;
const told = async (error: unknown, log: () => Promise<string>): Promise<unknown> =>
  withIstiodLog(error, kubeWith(log), ownInstallation({}));

describe('an istiod that does not get ready', () => {
  it('is an error of the mesh, with what it wrote last', async () => {
    const error = (await told(late, async () => 'failed to load the CA\n')) as MeshproofError;
    expect(error).to.include({ code: 'MESHPROOF_MESH_NOT_READY', exitCode: 3 });
    expect(error.message).to.match(/not there after 120\.0 s; istiod wrote last:\nfailed to load the CA$/);
    expect(error.hint).to.include('kubectl -n istio-system');
  });

  it('is told without a log that cannot be had', async () => {
    const error = (await told(late, () => Promise.reject(new Error('gone')))) as MeshproofError;
    expect(error.message).to.equal(late.message);
    expect(error.code).to.equal('MESHPROOF_MESH_NOT_READY');
  });

  it('is not made of another error: an image, a crash, an interrupt', async () => {
    for (const other of [new MeshproofError('MESHPROOF_IMAGE', 'none', ''), new Error('x')])
      expect(await told(other, async () => 'log')).to.equal(other);
  });
});
