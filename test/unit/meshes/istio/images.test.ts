import { expect } from 'chai';
import { MeshproofError } from '../../../../src/base/errors.ts';
import type { ImageKit } from '../../../../src/images/image-kit.ts';
import { istioImages } from '../../../../src/meshes/istio/images.ts';

const ready = { name: 'x', manifest: { digest: 'm', bytes: Buffer.of() }, config: { digest: 'c', bytes: Buffer.of() } };

/** A kit that notes what it was asked for. */
function kitOf(release: string | undefined, pull?: ImageKit['pull']) {
  const asked: string[] = [];
  const note = (what: string) => async (): Promise<never> => {
    asked.push(what);
    return { name: what, files: [] } as never;
  };
  const kit: ImageKit = {
    cacheDir: '/nowhere',
    release,
    tool: async (name) => ({ bin: { 'envoy_bootstrap.json': `/${name}.json` } }) as never,
    base: note('base'),
    libc: note('libc'),
    node: note('node'),
    program: (name) => note(name)(),
    programs: (name) => note(name)(),
    iptables: note('iptables'),
    hostPrograms: (name) => note(name)(),
    pull:
      pull ??
      (async (ref) => {
        asked.push(ref);
        return { ...ready, layers: [] };
      }),
  };
  return { kit, asked };
}

describe('images of Istio', () => {
  it('of a release are those of its makers, with a shell: no variant in the tag', async () => {
    const { kit, asked } = kitOf('1.31.4');
    await istioImages.istiod(kit);
    await istioImages['istio-proxy'](kit);
    expect(asked).to.deep.equal(['docker.io/istio/pilot:1.31.4', 'docker.io/istio/proxyv2:1.31.4']);
  });

  it('without one are put together, and no registry is asked', async () => {
    const { kit, asked } = kitOf(undefined);
    await istioImages.istiod(kit);
    await istioImages['istio-proxy'](kit);
    expect(asked).to.include.members(['pilot-discovery', 'pilot-agent', 'envoy', 'iptables']);
    expect(asked.join()).not.to.include('docker.io');
  });

  it('that cannot be pulled say what the pull says, and what else there is', async () => {
    const failed = new MeshproofError(
      'MESHPROOF_IMAGE',
      'docker.io/istio/pilot:1.31.4 could not be pulled: 429',
      'Log in.',
    );
    const { kit } = kitOf('1.31.4', () => Promise.reject(failed));
    const error = await istioImages.istiod(kit).then(
      () => expect.fail('it was pulled'),
      (thrown: MeshproofError) => thrown,
    );
    expect(error).to.include({ code: 'MESHPROOF_IMAGE', message: failed.message });
    expect(error.hint).to.equal(
      'Log in. Where it cannot be reached: --mesh-release built, or --mesh-images with istiod.tar.',
    );
    const bug = kitOf('1.31.4', () => Promise.reject(new TypeError('a bug'))).kit;
    await istioImages['istio-proxy'](bug).then(
      () => expect.fail('it was pulled'),
      (thrown: unknown) => expect(thrown).to.be.instanceOf(TypeError),
    );
  });
});
