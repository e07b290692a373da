import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { fingerprintOf, saveFingerprint } from '../../../src/lab/fingerprint.ts';
import { meshOfLab } from '../../../src/lab/mesh-of-lab.ts';

describe('the mesh of a lab', () => {
  let stateDir = '';
  beforeEach(() => (stateDir = mkdtempSync(join(tmpdir(), 'meshproof-test-'))));
  afterEach(() => rmSync(stateDir, { recursive: true, force: true }));
  const labs = async (): Promise<{ name: string; stateDir: string }[]> => [{ name: 'dev', stateDir }];
  const given = (name: string, own?: object): Promise<void> =>
    saveFingerprint(stateDir, fingerprintOf({ images: {}, mesh: { name, tools: [], own }, apps: [] }));

  it('is the one that it was given, with the folder of what the user built of it', async () => {
    await given('linkerd', { binaries: '/home/me/linkerd2/target' });
    expect(await meshOfLab('dev', labs)).to.deep.equal({
      mesh: 'linkerd',
      ownMesh: { binaries: '/home/me/linkerd2/target' },
    });
    await given('consul');
    expect(await meshOfLab('dev', labs)).to.deep.equal({ mesh: 'consul', ownMesh: {} });
  });

  it('is of the release that it was made of, or built: that is not decided again', async () => {
    await given('istio');
    expect(await meshOfLab('dev', labs)).to.deep.equal({ mesh: 'istio', ownMesh: { release: 'built' } });
    const setup = { release: '1.31.4', revision: 'a' };
    await saveFingerprint(stateDir, fingerprintOf({ images: {}, mesh: { name: 'istio', tools: [], setup }, apps: [] }));
    expect(await meshOfLab('dev', labs)).to.deep.equal({ mesh: 'istio', ownMesh: setup });
  });

  it('is not guessed: no such lab, no record, or a mesh that nobody knows', async () => {
    expect(await meshOfLab('other', labs)).to.equal(undefined);
    expect(await meshOfLab('dev', labs)).to.equal(undefined);
    writeFileSync(join(stateDir, 'deployed.json'), '{}');
    expect(await meshOfLab('dev', labs)).to.equal(undefined);
    await given('toy');
    expect(await meshOfLab('dev', labs)).to.equal(undefined);
  });
});
