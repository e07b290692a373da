import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { silentProgress } from '../../../src/base/progress.ts';
import { buildArchive } from '../../../src/images/archive.ts';
import type { ImageKit } from '../../../src/images/image-kit.ts';
import { checkOwnMesh, ownImage, toolsOf, type OwnMesh } from '../../../src/lab/own-mesh.ts';
import type { MeshEntry } from '../../../src/meshes/define-mesh.ts';
import { meshes } from '../../../src/meshes/index.ts';
import { linkerdImages } from '../../../src/meshes/linkerd/images.ts';
import type { Toolbox } from '../../../src/tools/tool.ts';
import { toy } from '../meshes/toy-mesh.ts';

const refused = (promise: Promise<unknown>): Promise<{ code?: string; message: string; hint?: string }> =>
  promise.then(
    () => expect.fail('it was taken'),
    (error: Error) => error,
  );

describe('how a mesh is to be had', () => {
  const check = (own: OwnMesh, entry: Pick<MeshEntry, 'title' | 'setup' | 'dialects'>) =>
    refused(checkOwnMesh(own, { mesh: entry, lab: 'dev' }));

  it('is asked of a mesh that has it: one can be adopted, others cannot', async () => {
    await checkOwnMesh({ installed: true, revision: 'canary' }, { mesh: meshes.istio, lab: 'dev' });
    await checkOwnMesh({ installed: false }, { mesh: meshes.consul, lab: undefined });
    for (const mesh of [meshes.consul, meshes.linkerd, toy]) {
      const { code, message, hint } = await check({ installed: true }, mesh);
      expect(code).to.equal('MESHPROOF_USAGE');
      expect(message).to.equal(`${mesh.title} that is installed already cannot be adopted`);
      expect(hint).to.include('--mesh-installed');
    }
  });

  it('is adopted in a lab that is named: nobody else can have it', async () => {
    const { code, hint } = await refused(checkOwnMesh({ installed: true }, { mesh: meshes.istio, lab: undefined }));
    expect(code).to.equal('MESHPROOF_USAGE');
    expect(hint).to.include('--cluster-only');
  });

  it('has no profile and no revision where the mesh has none', async () => {
    for (const own of [{ profile: 'demo' }, { revision: 'canary' }])
      expect((await check(own, meshes.consul)).message).to.include('no profiles and no revisions');
    expect((await check({ profile: 'ambient' }, meshes.istio)).message).to.include('ztunnel');
  });

  it('speaks the dialects that it has, and no other', async () => {
    const bilingual = { title: 'Toy', dialects: { routes: { title: 'routes', policies: {} } } };
    await checkOwnMesh({ dialect: 'routes' }, { mesh: bilingual, lab: 'dev' });
    const { code, message, hint } = await check({ dialect: 'route' }, bilingual);
    expect([code, message]).to.deep.equal(['MESHPROOF_USAGE', 'Toy has no dialect route']);
    expect(hint).to.equal('Choose routes, or leave --mesh-dialect out.');
    expect((await check({ dialect: 'routes' }, { title: 'Toy' })).hint).to.equal('Leave --mesh-dialect out.');
  });

  it('takes the tools of its dialect too, unless it is there already', () => {
    const { tools } = meshes.istio;
    expect(toolsOf(meshes.istio, {})).to.deep.equal(tools);
    expect(toolsOf(meshes.istio, { dialect: 'gateway-api' })).to.deep.equal([...tools, 'gateway-api']);
    expect(toolsOf(meshes.istio, { dialect: 'gateway-api', installed: true })).not.to.include('gateway-api');
    expect(toolsOf(meshes.consul, { installed: true })).to.deep.equal(meshes.consul.tools);
  });

  it('is adopted as it is: with its images and its profile', async () => {
    expect((await check({ installed: true, images: '/x' }, meshes.istio)).message).to.include('keeps its images');
    expect((await check({ installed: true, profile: 'demo' }, meshes.istio)).message).to.include('keeps its profile');
  });
});

describe('a mesh of one’s own build', () => {
  let folder: string;
  const toolbox = (): Toolbox => ({ cacheDir: join(folder, 'cache') }) as Toolbox;
  const archive = async (names: readonly string[]): Promise<string> => {
    const specs = names.map((name) => ({
      name,
      layers: [{ name, files: [{ path: '/hello', source: { content: name } }] }],
      config: { entrypoint: ['/hello'] },
    }));
    return (await buildArchive(specs, { cacheDir: join(folder, 'made'), progress: silentProgress() })).path;
  };
  const copyTo = async (name: string, from: string): Promise<void> => {
    const { copyFile } = await import('node:fs/promises');
    await copyFile(from, join(folder, name));
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshproof-own-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is in folders that are there', async () => {
    await checkOwnMesh({ binaries: folder, images: folder }, { mesh: toy, lab: undefined });
    await checkOwnMesh({}, { mesh: toy, lab: undefined });
    const { code, hint } = await refused(
      checkOwnMesh({ binaries: join(folder, 'none') }, { mesh: toy, lab: undefined }),
    );
    expect(code).to.equal('MESHPROOF_USAGE');
    expect(hint).to.include('--mesh-binaries');
  });

  it('is refused with a program for another machine, before anything starts', async () => {
    const head = Buffer.alloc(64);
    head.write('\x7fELF\x02\x01\x01', 'latin1');
    head.writeUInt16LE(183, 18);
    await writeFile(join(folder, 'notes.txt'), 'built on Monday');
    await checkOwnMesh({ binaries: folder }, { mesh: toy, lab: undefined });
    await writeFile(join(folder, 'proxy'), head);
    const { code, message, hint } = await refused(checkOwnMesh({ binaries: folder }, { mesh: toy, lab: undefined }));
    expect(code).to.equal('MESHPROOF_USAGE');
    expect(message).to.match(/proxy is a program for arm64$/);
    expect(hint).to.include('GOARCH=amd64');
  });

  it('has its images in archives of their names, whatever they are called inside', async () => {
    await copyTo('proxy.tar', await archive(['built-by-me']));
    const found = await ownImage('proxy', { images: folder }, { toolbox: toolbox() });
    expect(found?.name).to.equal('proxy');
    expect(found?.layers).to.have.length(1);
    expect(await ownImage('other', { images: folder }, { toolbox: toolbox() })).to.equal(undefined);
    expect(await ownImage('proxy', {}, { toolbox: toolbox() })).to.equal(undefined);
  });

  it('is refused where an archive holds several images: nobody says which is meant', async () => {
    await copyTo('proxy.tar', await archive(['one', 'two']));
    const { code, message } = await refused(ownImage('proxy', { images: folder }, { toolbox: toolbox() }));
    expect(code).to.equal('MESHPROOF_IMAGE');
    expect(message).to.include('it holds 2');
  });

  it('lacks a program: which one is said, and which are needed', async () => {
    await writeFile(join(folder, 'controller'), '');
    const kit = { ownPrograms: folder } as ImageKit;
    const { code, message, hint } = await refused(linkerdImages['linkerd-controller'](kit));
    expect(code).to.equal('MESHPROOF_IMAGE');
    expect(message).to.match(/has no linkerd-policy-controller$/);
    expect(hint).to.include('linkerd2-proxy-init');
  });
});
