import { expect } from 'chai';
import { MeshproofError } from '../../../../src/base/errors.ts';
import { operator } from '../../../../src/meshes/istio/install.ts';
import { ownInstallation } from '../../../../src/meshes/istio/installation.ts';
import { checkSetup } from '../../../../src/meshes/istio/profiles.ts';

const images = { istiod: 'meshproof.dev/istiod:1', proxy: 'meshproof.dev/proxy:1' };
interface Spec {
  profile: string;
  revision?: string;
  meshConfig: { defaultConfig: object };
  values: { defaultRevision?: string; telemetry?: object; global: object; pilot: { image: string; env?: object } };
}
const specOf = (setup?: { profile?: string; revision?: string; release?: string }) =>
  (operator(images, setup) as { spec: Spec }).spec;

describe('how Istio is installed', () => {
  it('is istiod alone, and the default revision, unless something else is asked for', () => {
    expect(specOf()).to.include({ profile: 'minimal' }).and.not.to.have.property('revision');
    expect(specOf({ profile: 'demo', revision: 'canary' })).to.include({ profile: 'demo', revision: 'canary' });
    expect(specOf({ revision: 'canary' }).values.defaultRevision, 'who checks configuration').to.equal('canary');
    expect(specOf().values).not.to.have.property('defaultRevision');
  });

  it('leaves out what a plain Envoy lacks, and of an official release nothing', () => {
    const plain = specOf();
    expect(plain.meshConfig.defaultConfig).to.include({ binaryPath: '/usr/bin/envoy', drainDuration: '2s' });
    expect(plain.values.telemetry).to.deep.equal({ enabled: false });
    expect(plain.values.pilot.env).to.deep.equal({
      PILOT_ENABLE_METADATA_EXCHANGE: 'false',
      PILOT_ENABLE_ALPN_FILTER: 'false',
      PILOT_DISABLE_MX_ALPN: 'true',
    });
    const official = specOf({ release: '1.31.4' });
    expect(official.meshConfig.defaultConfig).to.have.all.keys('drainDuration', 'proxyStatsMatcher');
    expect(official.values).not.to.have.property('telemetry');
    expect(official.values.pilot).not.to.have.property('env');
    expect(official.values.global, 'the rest is the same').to.deep.equal(plain.values.global);
    expect(official.values.pilot.image).to.equal(plain.values.pilot.image);
  });

  it('names what belongs to a revision as Istio does', () => {
    expect(ownInstallation({})).to.include({ revision: 'default', deployment: 'istiod', adopted: false });
    expect(ownInstallation({ revision: 'canary' })).to.include({ revision: 'canary', deployment: 'istiod-canary' });
  });

  it('is refused before anything starts where it cannot work, with the reason', () => {
    for (const setup of [{}, { profile: 'default' }, { revision: '1-31-0' }, { installed: true, revision: 'prod' }])
      checkSetup(setup);
    for (const [setup, says] of [
      [{ profile: 'ambient' }, /ztunnel, which is in no package registry/],
      [{ profile: 'openshift-ambient' }, /ztunnel/],
      [{ profile: 'remote' }, /no control plane/],
      [{ profile: 'empty' }, /no control plane/],
      [{ profile: 'openshift' }, /OpenShift/],
      [{ profile: 'minimum' }, /has no profile minimum/],
      [{ revision: 'Canary' }, /cannot be a revision/],
      [{ installed: true, profile: 'demo' }, /keeps its profile/],
    ] as const)
      expect(() => checkSetup(setup), JSON.stringify(setup))
        .to.throw(MeshproofError, says)
        .with.property('code', 'MESHPROOF_USAGE');
  });

  it('suggests the profile that was meant', () => {
    expect(() => checkSetup({ profile: 'minimel' }))
      .to.throw(MeshproofError)
      .with.property('hint', 'Did you mean minimal?');
  });
});
