import { expect } from 'chai';
import { MeshproofError } from '../../../src/base/errors.ts';
import { checkRelease, chooseRelease, toolsLock } from '../../../src/lab/mesh-release.ts';
import { toolsOf } from '../../../src/lab/own-mesh.ts';
import type { OwnMesh } from '../../../src/lab/own-mesh.ts';
import { meshes } from '../../../src/meshes/index.ts';
import { readLock } from '../../../src/tools/lock.ts';

const { consul, istio } = meshes;

describe('which release of a mesh', () => {
  it('is a version that works here, or what is built', () => {
    for (const release of [undefined, 'built', '1.30.0', '1.31.4', '1.100.0']) checkRelease({ release }, istio);
    for (const [release, says] of [
      ['latest', /no version of a release/],
      ['1.31', /no version of a release/],
      ['v1.31.4', /no version of a release/],
      ['1.29.9', /Istio 1\.29\.9 is older/],
    ] as const)
      expect(() => checkRelease({ release }, istio), release)
        .to.throw(MeshproofError, says)
        .with.property('code', 'MESHPROOF_USAGE');
  });

  it('is no question to a mesh that is had in one way', () => {
    checkRelease({}, consul);
    expect(() => checkRelease({ release: '1.22.7' }, consul)).to.throw(MeshproofError, /no choice of releases/);
  });

  const nowhere = 'http://127.0.0.1:9/';
  const unreachable = { ...istio, release: { ...istio.release!, registry: `${nowhere}v2/` } };
  const choose = async (own: OwnMesh, entry: Parameters<typeof chooseRelease>[1] = unreachable) => {
    const told: string[] = [];
    const lock = readLock();
    lock.probe = { url: `${nowhere}probe`, expect: '.', timeoutMs: 1000 };
    lock.tools.istioctl.official!.files[0]!.checksums = `${nowhere}{version}.sha256`;
    const chosen = await chooseRelease(own, entry, {
      progress: { info: (text) => told.push(text) },
      signal: new AbortController().signal,
      lock,
    });
    return { chosen, told };
  };

  it('is as the user says, and then nobody is asked', async () => {
    expect(await choose({ release: '1.30.2', revision: 'a' })).to.deep.equal({
      chosen: { release: '1.30.2', revision: 'a' },
      told: [],
    });
    expect((await choose({ release: 'built' })).chosen).to.deep.equal({ release: undefined });
  });

  it('is none where the user gives programs or images of his own, or the mesh has none', async () => {
    for (const own of [{ binaries: '/x' }, { images: '/x' }])
      expect(await choose(own)).to.deep.equal({ chosen: own, told: [] });
    expect(await choose({}, consul)).to.deep.equal({ chosen: {}, told: [] });
    expect((await choose({ images: '/x', release: '1.31.4' })).chosen.release, 'his images of it').to.equal('1.31.4');
  });

  it('is what is built where there is no internet, with the reason', async () => {
    const { chosen, told } = await choose({});
    expect(chosen.release).to.equal(undefined);
    expect(told).to.have.length(1);
    expect(told[0]).to.match(/^Istio is built here: 127\.0\.0\.1:9 cannot be reached: .+/);
    expect((await choose({ installed: true })).told[0], 'of one that is there').to.match(/^istioctl is built here: /);
  });

  it('decides which programs are needed, and where they come from', () => {
    expect(toolsOf(istio, {})).to.include.members(['istioctl', 'pilot-discovery', 'pilot-agent']);
    for (const own of [{ release: '1.30.2' }, { installed: true }])
      expect(toolsOf(istio, own)).to.include('istioctl').and.not.to.include.members(['pilot-discovery']);
    expect(toolsOf(consul, {})).to.deep.equal(consul.tools);
    expect(toolsLock({}, istio)).to.deep.equal(readLock());
    expect(toolsLock({ release: '1.30.2' }, istio).tools.istioctl.version).to.equal('1.30.2');
    expect(toolsLock({ release: '1.30.2' }, consul)).to.deep.equal(readLock());
  });
});
