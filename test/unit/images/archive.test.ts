import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { extract } from 'tar-stream';
import { silentProgress } from '../../../src/base/progress.ts';
import { buildArchive, imageMap } from '../../../src/images/archive.ts';
import type { ImageArchive, ImageSpec, LayerSpec } from '../../../src/images/image.ts';

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function members(archive: ImageArchive): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for await (const entry of createReadStream(archive.path).pipe(extract())) {
    expect(found.has(entry.header.name), `${entry.header.name} twice`).to.equal(false);
    expect(entry.header.mtime?.getTime()).to.equal(0);
    found.set(entry.header.name, await buffer(entry));
  }
  return found;
}

describe('buildArchive', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'meshproof-archive-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const base: LayerSpec = { name: 'base', files: [{ path: '/tmp', source: { directory: true }, mode: 0o1777 }] };
  const image = (name: string, content: string): ImageSpec => ({
    name,
    layers: [base, { name: `app-${name}`, files: [{ path: '/app', source: { content } }] }],
    config: { entrypoint: ['/app'], user: '1000', env: { B: '2', A: '1' }, stopSignal: 'SIGINT' },
  });
  const build = (specs: ImageSpec[], cache = 'cache', signal?: AbortSignal): Promise<ImageArchive> =>
    buildArchive(specs, { cacheDir: join(dir, cache), progress: silentProgress(), signal });

  it('is the same file whatever the order of the specs, the place of the cache and the time', async () => {
    const [one, two] = [image('one', '1'), image('two', '2')];
    const a = await build([one, two], 'a');
    const b = await build([two, one], 'b');
    expect(b.images).to.deep.equal(a.images);
    expect(await readFile(b.path)).to.deep.equal(await readFile(a.path));
  });

  it('is an OCI layout in which every address is the digest of what is there, and a shared layer is stored once', async () => {
    const archive = await build([image('one', '1'), image('two', '2')]);
    const files = await members(archive);
    for (const [name, bytes] of files) {
      if (name.startsWith('blobs/')) expect(sha256(bytes)).to.equal(`sha256:${name.slice('blobs/sha256/'.length)}`);
    }
    // Two configs, two manifests, the base once, two apps.
    expect([...files.keys()].filter((name) => name.startsWith('blobs/'))).to.have.length(7);
    const blob = (digest: string): Record<string, never> =>
      JSON.parse(String(files.get(`blobs/sha256/${digest.slice(7)}`))) as Record<string, never>;
    const index = JSON.parse(String(files.get('index.json'))) as {
      manifests: { digest: string; annotations: Record<string, string> }[];
    };
    for (const { digest, annotations } of index.manifests) {
      const built = archive.images.find((each) => each.digest === digest)!;
      expect(annotations['io.containerd.image.name']).to.equal(built.ref);
      expect(built.ref).to.equal(`meshproof.dev/${built.name}:${digest.slice(7, 19)}`);
      const manifest = blob(digest) as unknown as { config: { digest: string }; layers: { digest: string }[] };
      const config = blob(manifest.config.digest) as unknown as {
        rootfs: { diff_ids: string[] };
        config: Record<string, unknown>;
      };
      expect(config.rootfs.diff_ids).to.deep.equal(manifest.layers.map((layer) => layer.digest));
      expect(config.config).to.include({ User: '1000', StopSignal: 'SIGINT' });
      expect(config.config.Env).to.include.members(['A=1', 'B=2']);
    }
    const docker = JSON.parse(String(files.get('manifest.json'))) as { Config: string; Layers: string[] }[];
    for (const { Config, Layers } of docker)
      for (const path of [Config, ...Layers]) expect(files.has(path)).to.equal(true);
  });

  it('changes the tag of the image whose content changes, and of no other', async () => {
    const before = imageMap(await build([image('one', '1'), image('two', '2')]));
    const after = imageMap(await build([image('one', '1'), image('two', 'changed')]));
    expect(after.one).to.deep.equal(before.one);
    expect(after.two!.ref).not.to.equal(before.two!.ref);
  });

  it('refuses two images of one name', async () => {
    const error = await build([image('one', '1'), image('one', '2')]).catch((thrown: unknown) => thrown);
    expect(error).to.have.property('code', 'MESHPROOF_IMAGE');
  });

  it('leaves no partial file when it is aborted', async () => {
    const path = join(dir, 'large');
    await writeFile(path, Buffer.alloc(32 * 1024 * 1024, 1));
    const controller = new AbortController();
    const spec: ImageSpec = {
      name: 'large',
      layers: [{ name: 'large', files: [{ path: '/large', source: { hostPath: path } }] }],
      config: { entrypoint: ['/large'] },
    };
    const building = build([spec], 'cache', controller.signal).catch((thrown: unknown) => thrown);
    setImmediate(() => controller.abort(new Error('stop')));
    expect(await building).to.have.property('message', 'stop');
    const left = await readdir(join(dir, 'cache'), { recursive: true }).catch(() => []);
    expect(left.filter((name) => name.includes('scratch') || name.endsWith('.tar'))).to.deep.equal([]);
  });
});
