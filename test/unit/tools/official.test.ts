import { expect } from 'chai';
import { fill, readLock } from '../../../src/tools/lock.ts';
import { officialVersion, withOfficial } from '../../../src/tools/official.ts';
import { inRange } from '../../../src/tools/version.ts';

describe('the official release of a tool that is built otherwise', () => {
  const lock = readLock();
  const { istioctl, ...others } = withOfficial(lock, ['istioctl', 'envoy']).tools;

  it('is where its publisher has it, with the sum beside it', () => {
    const [file] = istioctl.release!.files;
    const { version } = istioctl;
    expect(version).to.equal(officialVersion(lock, 'istioctl'));
    const url = `https://github.com/istio/istio/releases/download/${version}/istioctl-${version}-linux-amd64.tar.gz`;
    expect([fill(file!.url, { version }), fill(file!.checksums, { version })]).to.deep.equal([url, `${url}.sha256`]);
    expect(file).to.deep.include({ archive: 'tar.gz', programs: { istioctl: 'istioctl' } });
  });

  it('is nothing that is built, and of the host only the same version', () => {
    expect(istioctl.package.kind).to.equal('none');
    expect(istioctl.noRelease).to.equal(undefined);
    expect(inRange(istioctl.version, istioctl.host.range)).to.equal(true);
    expect(inRange('1.31.3', istioctl.host.range)).to.equal(false);
    const says = (text: string): string | undefined => new RegExp(istioctl.host.pattern!, 'm').exec(text)?.[1];
    expect(says('client version: 1.31.4\n')).to.equal('1.31.4');
    expect(says('client version: 1.31.0-dev.eed52ebb66ad\n'), 'a build is no release').to.equal(undefined);
  });

  it('may be another version than the one in the lock file', () => {
    const { istioctl: older } = withOfficial(lock, ['istioctl'], '1.30.2').tools;
    expect([older.version, older.host.range]).to.deep.equal(['1.30.2', '=1.30.2']);
  });

  it('changes no other tool, and not the lock file itself', () => {
    for (const [name, tool] of Object.entries(others)) expect(tool, name).to.equal(lock.tools[name as 'envoy']);
    expect(lock.tools.istioctl.package.kind).to.equal('go');
    expect(() => officialVersion(lock, 'envoy')).to.throw(TypeError, 'envoy');
  });
});
