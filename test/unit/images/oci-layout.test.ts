import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readLayout } from '../../../src/images/oci-layout.ts';
import { ociArchitecture } from '../../../src/images/oci.ts';

describe('an image that somebody else built', () => {
  let folder: string;
  /** As `docker save` writes them, by the architecture that each says it is for. */
  const saved = async (...architectures: (string | undefined)[]): Promise<void> => {
    const images = architectures.map((architecture, index) => ({
      file: `${index}.json`,
      config: { ...(architecture !== undefined && { architecture }), os: 'linux' },
    }));
    await Promise.all(images.map(({ file, config }) => writeFile(join(folder, file), JSON.stringify(config))));
    const manifest = images.map(({ file }) => ({ Config: file, RepoTags: [`shop:${file}`], Layers: [] }));
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  };
  const read = () => readLayout('shop.tar', (path) => join(folder, path));
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshproof-layout-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is taken for this machine, or where it does not say for which it is', async () => {
    await saved(ociArchitecture(), undefined, '');
    expect(await read()).to.have.length(3);
  });

  it('is left out for another machine', async () => {
    await saved('s390x', ociArchitecture());
    expect((await read()).map(({ name }) => name)).to.deep.equal(['shop:1.json']);
  });

  it('is refused where there is none for this machine, with what there is', async () => {
    await saved('s390x', 's390x');
    const error = await read().then(
      () => expect.fail('it was taken'),
      (thrown: { code?: string; message: string }) => thrown,
    );
    expect(error.code).to.equal('MESHPROOF_IMAGE');
    expect(error.message).to.match(/holds no image for linux\/\w+, only for linux\/s390x$/);
  });
});
