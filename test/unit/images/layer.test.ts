import { mkdir, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MeshproofError } from '../../../src/base/errors.ts';
import type { LayerFile } from '../../../src/images/image.ts';
import { buildLayer } from '../../../src/images/layer.ts';

describe('buildLayer', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'meshproof-layer-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const hostFile = async (name: string, content: string): Promise<string> => {
    const path = join(dir, name);
    await writeFile(path, content);
    return path;
  };
  const layer = (files: LayerFile[], cache = 'cache') => buildLayer({ name: 'test', files }, join(dir, cache));

  it('has the same digest for the same content from another place, another time and in another order', async () => {
    const one = await hostFile('one', 'program');
    const two = await hostFile('two', 'program');
    await utimes(two, 1, 1);
    const config: LayerFile = { path: '/etc/config', source: { content: 'x=1' } };
    const a = await layer([{ path: '/usr/bin/tool', source: { hostPath: one } }, config], 'cache-a');
    const b = await layer([config, { path: '/usr/bin/tool', source: { hostPath: two } }], 'cache-b');
    expect(b.digest).to.equal(a.digest);
    expect(await readFile(b.path)).to.deep.equal(await readFile(a.path));
  });

  it('has another digest when a byte, a mode, an owner or a path differs', async () => {
    const file = (change: Partial<LayerFile>): LayerFile => ({ path: '/a', source: { content: 'x' }, ...change });
    const variants = [
      file({}),
      file({ source: { content: 'y' } }),
      file({ mode: 0o600 }),
      file({ uid: 7 }),
      file({ path: '/b' }),
      file({ source: { linkTo: 'x' } }),
    ];
    const built = await Promise.all(variants.map((variant) => layer([variant])));
    expect(new Set(built.map(({ digest }) => digest)).size).to.equal(variants.length);
  });

  it('is built once when two images describe it at the same time', async () => {
    const files: LayerFile[] = [{ path: '/tool', source: { content: 'x'.repeat(1_000_000) } }];
    const twice = await Promise.all([layer(files), layer([...files]), layer(structuredClone(files))]);
    expect(new Set(twice.map(({ path }) => path)).size).to.equal(1);
    expect((await stat(twice[0]!.path)).size).to.be.greaterThan(1_000_000);
  });

  it('comes from the cache without being written again, until a source changes in place', async () => {
    const path = await hostFile('tool', 'version 1');
    const files: LayerFile[] = [{ path: '/tool', source: { hostPath: path } }];
    const first = await layer(files);
    const inode = (await stat(first.path)).ino;
    const second = await layer(files);
    expect(second).to.deep.equal(first);
    expect((await stat(second.path)).ino).to.equal(inode);
    await writeFile(path, 'version 2');
    expect((await layer(files)).digest).not.to.equal(first.digest);
  });

  it('may be asked for twice at once', async () => {
    const path = await hostFile('tool', 'x'.repeat(1 << 20));
    const files: LayerFile[] = [{ path: '/tool', source: { hostPath: path } }];
    const [a, b] = await Promise.all([layer(files), layer(files)]);
    expect(a).to.deep.equal(b);
  });

  it('removes what a build that was killed left behind', async () => {
    const left = join(dir, 'cache/.scratch-4194305.1.0.0.00000000');
    await mkdir(left, { recursive: true });
    await writeFile(join(left, 'layer.tar'), 'half');
    await utimes(left, 1, 1);
    await layer([{ path: '/a', source: { content: 'x' } }]);
    expect((await readdir(join(dir, 'cache'))).filter((name) => name.startsWith('.'))).to.deep.equal([]);
  });

  it('is built again when the cached file is cut short', async () => {
    const files: LayerFile[] = [{ path: '/tool', source: { content: 'x' } }];
    const first = await layer(files);
    await writeFile(first.path, 'torn');
    const again = await layer(files);
    expect(again.digest).to.equal(first.digest);
    expect((await stat(again.path)).size).to.equal(first.bytes);
  });

  for (const [what, files] of Object.entries<LayerFile[]>({
    'a file that is not there': [{ path: '/tool', source: { hostPath: '/no/such/file' } }],
    'a path twice': [
      { path: '/a', source: { content: '1' } },
      { path: '/a', source: { content: '2' } },
    ],
    'a relative path': [{ path: 'usr/bin/x', source: { content: '1' } }],
    'a file below a directory that is a link': [{ path: '/bin/x', source: { content: '1' } }],
  })) {
    it(`refuses ${what}`, async () => {
      const error = await layer(files).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).to.be.instanceOf(MeshproofError).with.property('code', 'MESHPROOF_IMAGE');
    });
  }
});
