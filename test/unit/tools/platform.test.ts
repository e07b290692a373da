import { expect } from 'chai';
import { tmpdir } from 'node:os';
import { MeshproofError } from '../../../src/base/errors.ts';
import { checkDisk, checkPlatform } from '../../../src/tools/platform.ts';

describe('platform check', () => {
  const code = (work: () => unknown): string => {
    try {
      work();
    } catch (error) {
      return (error as MeshproofError).code;
    }
    return 'fine';
  };
  const good = { platform: 'linux', arch: 'x64' } as const;

  it('likes Linux on x86-64', () => expect(code(() => checkPlatform(good))).to.equal('fine'));
  it('refuses another system', () =>
    expect(code(() => checkPlatform({ ...good, platform: 'darwin' }))).to.equal('MESHPROOF_PLATFORM'));
  it('refuses another architecture', () =>
    expect(code(() => checkPlatform({ ...good, arch: 'arm64' }))).to.equal('MESHPROOF_PLATFORM'));

  it('finds a disk too small before anything is half done', async () => {
    const error: unknown = await checkDisk(tmpdir(), Number.MAX_SAFE_INTEGER).catch((e: unknown) => e);
    expect(error).to.be.instanceOf(MeshproofError).with.property('code', 'MESHPROOF_DISK_FULL');
    expect(await checkDisk(tmpdir(), 1)).to.be.greaterThan(0);
  });
});
