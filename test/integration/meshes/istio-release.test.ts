import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import type { MeshproofError } from '../../../src/base/errors.ts';
import { silentProgress } from '../../../src/base/progress.ts';
import { imageKit } from '../../../src/images/image-kit.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import { istioImages } from '../../../src/meshes/istio/images.ts';
import { generate } from '../../../src/meshes/istio/install.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';

/** Nothing of it needs a cluster or the internet: Istio's own istioctl and charts, and crane. */
describe('an official release of Istio', function () {
  this.timeout(120_000);
  const { signal } = new AbortController();
  const toolbox = createToolbox({ progress: silentProgress(), signal });
  const images = { istiod: 'meshproof.dev/istiod:1', proxy: 'meshproof.dev/istio-proxy:1' };

  const installed = async (release: string | undefined) => {
    const objects = await generate({ tool: (name) => toolbox.get(name), signal }, images, { release });
    const find = (kind: string, name: string): KubeObject =>
      objects.find((object) => object.kind === kind && object.metadata.name === name)!;
    const { mesh } = find('ConfigMap', 'istio')['data'] as { mesh: string };
    const [container] = find('Deployment', 'istiod').spec.template.spec.containers as {
      image: string;
      env: { name: string; value?: string }[];
    }[];
    return {
      mesh: parse(mesh) as { defaultConfig: object; defaultProviders?: { metrics?: string[] } },
      image: container!.image,
      env: Object.fromEntries(container!.env.map(({ name, value }) => [name, value])),
      injector: JSON.parse((find('ConfigMap', 'istio-sidecar-injector')['data'] as { values: string }).values) as {
        global: { proxy: { image: string } };
      },
    };
  };

  it('is installed with the filters and metrics that Istio’s own proxy has, and by its own path of Envoy', async () => {
    const { mesh, env, image, injector } = await installed('1.31.4');
    expect(mesh.defaultProviders?.metrics).to.deep.equal(['prometheus']);
    expect(mesh.defaultConfig).not.to.have.property('binaryPath');
    expect(mesh.defaultConfig).to.include({ drainDuration: '2s' });
    for (const name of ['PILOT_ENABLE_METADATA_EXCHANGE', 'PILOT_ENABLE_ALPN_FILTER', 'PILOT_DISABLE_MX_ALPN'])
      expect(env).not.to.have.property(name);
    expect([image, injector.global.proxy.image]).to.deep.equal([images.istiod, images.proxy]);
  });

  it('is told apart from a plain Envoy, which is told of none of them', async () => {
    const { mesh, env } = await installed(undefined);
    expect(mesh.defaultProviders?.metrics ?? []).to.deep.equal([]);
    expect(mesh.defaultConfig).to.include({ binaryPath: '/usr/bin/envoy' });
    expect(env).to.include({ PILOT_ENABLE_METADATA_EXCHANGE: 'false', PILOT_ENABLE_ALPN_FILTER: 'false' });
  });

  it('whose image cannot be pulled says which, from where, and whose credentials were asked for', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshproof-login-'));
    const was = process.env['DOCKER_CONFIG'];
    try {
      // crane asks the helper first: no registry is reached, whether there is one or not.
      await writeFile(join(folder, 'config.json'), '{"credsStore":"meshproof-not-there"}');
      process.env['DOCKER_CONFIG'] = folder;
      const error = await istioImages['istio-proxy'](imageKit(toolbox, { release: '1.31.4', signal })).then(
        () => expect.fail('it was pulled'),
        (thrown: MeshproofError) => thrown,
      );
      expect(error.code).to.equal('MESHPROOF_IMAGE');
      expect(error.message).to.match(
        /^docker\.io\/istio\/proxyv2:1\.31\.4 could not be pulled: .*docker-credential-meshproof-not-there/s,
      );
      expect(error.hint).to.include(
        `Credentials: the credential helper docker-credential-meshproof-not-there, as ${folder}/config.json says`,
      );
      expect(error.hint).to.include('docker.io').and.to.include('--mesh-release built');
    } finally {
      if (was === undefined) delete process.env['DOCKER_CONFIG'];
      else process.env['DOCKER_CONFIG'] = was;
      await rm(folder, { recursive: true, force: true });
    }
  });
});
