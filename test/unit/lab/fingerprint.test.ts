import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { BuiltImage } from '../../../src/images/image.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import {
  bareCluster,
  checkFingerprint,
  differences,
  fingerprintOf,
  saveFingerprint,
  type Deployed,
} from '../../../src/lab/fingerprint.ts';

const image = (name: string, hex: string): BuiltImage => {
  const digest = `sha256:${hex.repeat(64)}`;
  return { name, digest, ref: `meshproof.dev/${name}:${hex.repeat(12)}` };
};
const secretOf = (password: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'db', namespace: 'shop' },
  stringData: { PASSWORD: password, URL: `postgres://u:${password}@db`, USER: 'postgres' },
  data: { PASSWORD: Buffer.from(password).toString('base64') },
});
const deployment = (ref: string, replicas = 2): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { replicas, template: { spec: { containers: [{ name: 'web', image: ref }] } } },
});
const toy = (version: string): Deployed['mesh'] => ({ name: 'toy', tools: [{ name: 'proxy', version }] });
function deployed(changes: Partial<Deployed> = {}, password = 'drawn-for-this-lab', replicas?: number): Deployed {
  const images = changes.images ?? { web: image('web', 'a'), envoy: image('envoy', 'b') };
  const objects = [secretOf(password), deployment(images['web']?.ref ?? '', replicas)];
  return {
    images,
    mesh: toy('1.2.3'),
    apps: [{ id: 'shop', objects }],
    ...changes,
  };
}

describe('what a lab got', () => {
  let dir = '';
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'meshproof-test-'))));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const now = fingerprintOf(deployed());
  const check = (changes: Deployed): Promise<void> => checkFingerprint('dev', dir, fingerprintOf(changes));
  const errorOf = (work: Promise<unknown>): Promise<{ code: string; message: string; hint: string }> =>
    work.then(
      () => expect.fail('it was accepted'),
      (error: unknown) => error as { code: string; message: string; hint: string },
    );

  it('is what would be deployed again, with another password and fields in another order', async () => {
    await saveFingerprint(dir, now);
    const again = deployed({}, 'another "one"\nof two lines');
    const turned = again.apps.map(({ objects, ...app }) => ({
      ...app,
      objects: objects.map((object) => Object.fromEntries(Object.entries(object).reverse()) as KubeObject),
    }));
    await check({ ...again, apps: turned });
    expect(readFileSync(join(dir, 'deployed.json'), 'utf8')).not.to.contain('drawn-for-this-lab');
  });

  const stale: [string, Deployed, string][] = [
    [
      'an image',
      deployed({ images: { web: image('web', 'c'), envoy: image('envoy', 'b') } }),
      'image web is sha256:aaaaaaaaaaaa, would be sha256:cccccccccccc',
    ],
    ['the version of the mesh', deployed({ mesh: toy('1.3.0') }), 'toy: proxy is 1.2.3, would be 1.3.0'],
    ['the mesh', deployed({ mesh: { ...toy('1.2.3'), name: 'other' } }), 'mesh toy is there, other is asked for'],
  ];
  for (const [what, changes, says] of stale) {
    it(`is stale when ${what} is another: only that is told`, async () => {
      await saveFingerprint(dir, now);
      const error = await errorOf(check(changes));
      expect(error).to.include({ code: 'MESHPROOF_LAB_STALE', exitCode: 3 });
      expect(error.message).to.equal(`The lab dev is not what this meshproof would deploy: ${says}`);
      expect(error.hint).to.contain('up --lab dev --recreate').and.to.contain('down dev');
    });
  }

  it('is stale when a manifest says something else', async () => {
    await saveFingerprint(dir, now);
    const { message } = await errorOf(check(deployed({}, 'drawn-for-this-lab', 3)));
    expect(message).to.match(/: app shop is sha256:[0-9a-f]{12}, would be sha256:[0-9a-f]{12}$/);
  });

  it('is stale when another installation of the mesh is asked for, and not when nothing was chosen', async () => {
    const chosen = (setup: Deployed['mesh']['setup']): Deployed =>
      deployed({ mesh: { ...toy('1.2.3'), ...(setup && { setup }) } });
    await saveFingerprint(dir, now);
    await check(chosen({ installed: undefined, revision: undefined }));
    const { message } = await errorOf(check(chosen({ installed: true, revision: 'canary' })));
    expect(message).to.contain('toy was made without --mesh-installed, is asked for with --mesh-installed');
    expect(message).to.contain('without --mesh-revision, is asked for with --mesh-revision canary');
    expect((await errorOf(check(chosen({ release: '1.31.4' })))).message).to.contain(
      'toy was made with --mesh-release built, is asked for with --mesh-release 1.31.4',
    );
    await saveFingerprint(dir, fingerprintOf(chosen({ revision: 'canary' })));
    await check(chosen({ revision: 'canary' }));
    expect((await errorOf(check(deployed()))).message).to.contain(
      'toy was made with --mesh-revision canary, is asked for without --mesh-revision',
    );
  });

  it('may be a cluster alone: a mesh and an app can still be given to it', async () => {
    await saveFingerprint(dir, bareCluster);
    await check(deployed());
    await saveFingerprint(dir, now);
    expect((await errorOf(check(deployed({ mesh: { ...toy('1.2.3'), name: 'other' } })))).message).to.contain(
      'mesh toy',
    );
  });

  it('is stale when nobody wrote it down, or in another form', async () => {
    expect((await errorOf(check(deployed()))).message).to.contain('wrote down nothing that this one can read');
    writeFileSync(join(dir, 'deployed.json'), '{"schema":');
    expect((await errorOf(check(deployed()))).message).to.contain('wrote down nothing that this one can read');
    writeFileSync(join(dir, 'deployed.json'), JSON.stringify({ ...now, schema: 2 }));
    expect((await errorOf(check(deployed()))).message).to.contain('wrote down nothing');
  });

  it('may lack what can still be given to it, and keeps what it got before', async () => {
    await saveFingerprint(dir, now);
    const more = deployed({ images: { web: image('web', 'a'), k6: image('k6', 'd') } });
    const other = { ...more, apps: [{ id: 'second', objects: [] }] };
    await check(other);
    await saveFingerprint(dir, fingerprintOf(other));
    expect(
      Object.keys((JSON.parse(readFileSync(join(dir, 'deployed.json'), 'utf8')) as typeof now).images),
    ).to.have.members(['web', 'envoy', 'k6']);
    await check(deployed());
    expect(differences(now, fingerprintOf(other))).to.deep.equal([]);
  });
});
