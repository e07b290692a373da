import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { App, AppImage } from '../../../src/apps/app.ts';
import { appImages, appTools } from '../../../src/apps/app-images.ts';
import { runCommand } from '../../../src/base/process.ts';
import { silentProgress } from '../../../src/base/progress.ts';
import { buildArchive } from '../../../src/images/archive.ts';
import type { ReadyImage } from '../../../src/images/image.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import { startRegistry } from './registry.ts';

const appWith = (...images: AppImage[]): App => ({
  id: 'shop',
  title: 'shop',
  namespace: 'shop',
  services: [],
  edges: [],
  images,
});

/** Images that others built: archives as Docker writes them, old and new, and a real registry that is killed. */
describe('images of others', function () {
  this.timeout(120_000);
  const { signal } = new AbortController();
  const tools = createToolbox({ progress: silentProgress(), signal });
  let dir: string;
  let toolbox: { get: typeof tools.get; ensure: typeof tools.ensure; cacheDir: string };
  let crane: string;
  before(async () => {
    crane = (await tools.get('crane')).bin['crane']!;
  });
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'meshproof-foreign-'));
    toolbox = { get: tools.get, ensure: tools.ensure, cacheDir: join(dir, 'cache') };
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  /** An image of two layers, made by crane from nothing: `<dir>/<name>.tar` is what `docker save` would write. */
  const makeImage = async (ref: string, content: string): Promise<string> => {
    const layers = await Promise.all(
      ['one', 'two'].map(async (name) => {
        const folder = join(dir, `${name}-files`);
        await mkdir(folder, { recursive: true });
        await writeFile(join(folder, `${name}.txt`), `${name} ${content}`);
        const tar = join(dir, `${name}.tar`);
        await runCommand(['tar', '-cf', tar, '-C', folder, `${name}.txt`]);
        return tar;
      }),
    );
    const file = join(dir, 'image.tar');
    const append = [crane, 'append', '--oci-empty-base', '--platform', 'linux/amd64', '-t', ref, '-o', file];
    await runCommand([...append, ...layers.flatMap((layer) => ['-f', layer])]);
    return file;
  };
  const images = async (...given: AppImage[]): Promise<ReadyImage[]> =>
    (await appImages(appWith(...given), { toolbox, signal })) as ReadyImage[];
  const thrown = async (promise: Promise<unknown>): Promise<{ code: string; message: string }> =>
    (await promise.then(
      () => ({}),
      (error: unknown) => error,
    )) as { code: string; message: string };

  it('are read from a Docker archive, gzipped or not, under the names that are in it', async () => {
    const file = await makeImage('docker.io/library/shop:latest', 'a');
    const [image, ...others] = await images({ source: { kind: 'archive', file } });
    expect(others).to.deep.equal([]);
    expect(image).to.have.property('name', 'shop');
    expect(image!.layers).to.have.length(2);
    await runCommand(['gzip', '-k', file]);
    const [zipped] = await images({ name: 'web', source: { kind: 'archive', file: `${file}.gz` } });
    expect(zipped).to.deep.include({ name: 'web', manifest: image!.manifest });
  });

  it('that share a layer as a link, as old Dockers wrote them, are read too', async () => {
    const file = await makeImage('shop:1', 'a');
    const folder = join(dir, 'unpacked');
    await mkdir(folder);
    await runCommand(['tar', '-xf', file, '-C', folder]);
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as { Layers: string[] }[];
    await mkdir(join(folder, 'linked'));
    await symlink(`../${manifest[0]!.Layers[0]!}`, join(folder, 'linked/layer.tar'));
    manifest[0]!.Layers[0] = 'linked/layer.tar';
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    const linked = join(dir, 'linked.tar');
    await runCommand(['tar', '-cf', linked, '-C', folder, '.']);
    const [[plain], [image]] = [
      await images({ source: { kind: 'archive', file } }),
      await images({ source: { kind: 'archive', file: linked } }),
    ];
    expect(image!.manifest.digest).to.equal(plain!.manifest.digest);
  });

  it('go into one archive with our own, under a reference made of their content', async () => {
    const file = await makeImage('shop:1', 'a');
    const ready = await images({ name: 'ghcr.io/Shop/web:1', source: { kind: 'archive', file } });
    const archive = await buildArchive(ready, { cacheDir: toolbox.cacheDir, progress: silentProgress() });
    const [built] = archive.images;
    expect(built).to.include({ name: 'ghcr.io/Shop/web:1', digest: ready[0]!.manifest.digest });
    expect(built!.ref).to.equal(`meshproof.dev/ghcr-io-shop-web-1:${ready[0]!.manifest.digest.slice(7, 19)}`);
    // What was written is an OCI layout again, and holds the same image.
    const [again] = await images({ source: { kind: 'archive', file: archive.path } });
    expect(again).to.deep.include({ manifest: ready[0]!.manifest, config: ready[0]!.config });
  });

  it('are refused with the reason: no archive, no image in it, a layer that is cut short, a name that is not there', async () => {
    const source = (file: string): AppImage => ({ name: 'x', source: { kind: 'archive', file } });
    expect(await thrown(images(source(join(dir, 'none.tar'))))).to.have.property('code', 'MESHPROOF_IMAGE');
    await writeFile(join(dir, 'empty.txt'), '');
    await runCommand(['tar', '-cf', join(dir, 'no.tar'), '-C', dir, 'empty.txt']);
    expect((await thrown(images(source(join(dir, 'no.tar'))))).message).to.match(
      /neither index\.json nor manifest\.json/,
    );
    await writeFile(join(dir, 'text.tar'), 'no archive at all, but long enough to be a header of one'.repeat(20));
    expect(await thrown(images(source(join(dir, 'text.tar'))))).to.have.property('code', 'MESHPROOF_IMAGE');
    const built = await buildArchive(
      await images({ name: 'a', source: { kind: 'archive', file: await makeImage('a:1', 'a') } }),
      {
        cacheDir: toolbox.cacheDir,
        progress: silentProgress(),
      },
    );
    const folder = join(dir, 'broken');
    await mkdir(folder);
    await runCommand(['tar', '-xf', built.path, '-C', folder]);
    const config = join(folder, 'blobs/sha256');
    const { stdout } = await runCommand(['grep', '-rl', 'rootfs', config]);
    await writeFile(stdout.trim().split('\n')[0]!, '{}');
    await runCommand(['tar', '-cf', join(dir, 'broken.tar'), '-C', folder, '.']);
    expect((await thrown(images(source(join(dir, 'broken.tar'))))).message).to.match(/is not what its name says/);
  });

  it('are pulled from a registry by crane; one that is dead says so', async () => {
    expect(appTools(appWith({ source: { kind: 'registry', ref: 'x' } }))).to.deep.equal(['crane']);
    const registry = await startRegistry(crane, dir);
    const ref = registry.host;
    try {
      await runCommand([crane, 'push', await makeImage('shop:1', 'a'), `${ref}/shop/web:1`]);
      const pull: AppImage = { name: 'web', source: { kind: 'registry', ref: `${ref}/shop/web:1` } };
      const [image] = await images(pull);
      expect(image).to.have.property('name', 'web');
      const { stdout } = await runCommand([crane, 'digest', `${ref}/shop/web:1`]);
      expect(image!.manifest.digest).to.equal(stdout.trim());
      const archive = await buildArchive([image!], { cacheDir: toolbox.cacheDir, progress: silentProgress() });
      expect(archive.images[0]).to.include({ name: 'web', digest: stdout.trim() });
      // The tag moves on: what is pulled next is what it names then.
      await runCommand([crane, 'push', await makeImage('shop:1', 'b'), `${ref}/shop/web:1`]);
      expect((await images(pull))[0]!.manifest.digest).not.to.equal(stdout.trim());
      const lost = await thrown(images({ source: { kind: 'registry', ref: `${ref}/shop/none:1` } }));
      expect(lost).to.have.property('code', 'MESHPROOF_IMAGE');
      expect(lost.message).to.match(/shop\/none:1 could not be pulled: .*(NAME_UNKNOWN|MANIFEST_UNKNOWN|404)/s);
      await registry.kill();
      const dead = await thrown(images(pull));
      expect(dead).to.have.property('code', 'MESHPROOF_IMAGE');
      expect(dead.message).to.match(/could not be pulled: .*connection refused/s);
    } finally {
      await registry.kill();
    }
  });
});
