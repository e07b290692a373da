import { expect } from 'chai';
import type { MeshproofError } from '../../../src/base/errors.ts';
import { runCommand } from '../../../src/base/process.ts';
import { chooseRelease } from '../../../src/lab/mesh-release.ts';
import type { OwnMesh } from '../../../src/lab/own-mesh.ts';
import { meshes } from '../../../src/meshes/index.ts';
import type { ToolsLock } from '../../../src/tools/lock.ts';
import { officialVersion, withOfficial } from '../../../src/tools/official.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import { startRegistry } from '../images/registry.ts';
import { program, ReleaseServer, sha256, tarGz, type Route } from './release-server.ts';
import { silentProgress } from '../../../src/base/progress.ts';

/** As Istio's own publisher lays it out: the program alone in an archive, and its sum beside it, one blank before the name. */
describe('the official release of a mesh’s command line', () => {
  let server: ReleaseServer;
  let lock: ToolsLock;
  let name: string;
  let version: string;
  const offer = async (release: string, says = `client version: ${release}`): Promise<string> => {
    const file = `istioctl-${release}-linux-amd64.tar.gz`;
    const archive = await tarGz({ istioctl: program(says) });
    server.routes.set(`/${release}/${file}`, archive);
    server.routes.set(`/${release}/${file}.sha256`, `${sha256(archive)} ${file}\n`);
    return `/${release}/${file}`;
  };
  beforeEach(async () => {
    server = await ReleaseServer.start();
    lock = server.lock();
    version = officialVersion(lock, 'istioctl');
    const [file] = lock.tools.istioctl.official!.files;
    for (const key of ['url', 'checksums'] as const)
      file![key] = file![key].replace('https://github.com/istio/istio/releases/download', server.url);
    name = await offer(version);
    server.routes.set('/v2/', registry(401));
  });
  afterEach(() => server[Symbol.asyncDispose]());

  /** What a registry answers to who has not logged in, and one without logins to everybody. */
  function registry(status: number, headers: object = { 'docker-distribution-api-version': 'registry/2.0' }): Route {
    return (_, response) => response.writeHead(status, { ...headers }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
  }
  const get = (release?: string) => server.toolbox({ lock: withOfficial(lock, ['istioctl'], release) }).get('istioctl');

  it('is downloaded, believed by the sum beside it, and runs', async () => {
    const tool = await get();
    expect(tool).to.include({ version, origin: 'release' });
    const { stdout } = await runCommand([tool.bin['istioctl']!, 'version', '--remote=false']);
    expect(stdout.trim()).to.equal(`client version: ${version}`);
    expect(server.requests.filter((path) => path.includes('istioctl'))).to.deep.equal([`${name}.sha256`, name]);
  });

  it('may be of another version than the one in the lock file', async () => {
    await offer('1.30.2');
    expect(await get('1.30.2')).to.include({ version: '1.30.2', origin: 'release' });
    expect(await get(), 'beside it in the cache').to.include({ version });
  });

  it('is refused with another sum, and nothing is built in its place', async () => {
    const file = name.slice(name.lastIndexOf('/') + 1);
    server.routes.set(`${name}.sha256`, `${'1'.repeat(64)} ${file}\n`);
    const error = await get().then(
      () => expect.fail('it was believed'),
      (thrown: MeshproofError) => thrown,
    );
    expect(error.code).to.equal('MESHPROOF_TOOL_CHECKSUM');
  });

  it('that is nowhere says where it was looked for', async () => {
    const error = await get('1.30.9').then(
      () => expect.fail('it was had'),
      (thrown: MeshproofError) => thrown,
    );
    expect(error).to.have.property('code', 'MESHPROOF_TOOL_MISSING');
    expect(error.message).to.match(/istioctl-1\.30\.9-linux-amd64\.tar\.gz\.sha256 answered 404/);
  });

  const choose = async (url = `${server.url}/v2/`) => {
    const told: string[] = [];
    const entry = { ...meshes.istio, release: { ...meshes.istio.release!, registry: url } };
    const { signal } = new AbortController();
    const progress = { info: (text: string) => void told.push(text) };
    return { ...(await chooseRelease<OwnMesh>({}, entry, { progress, signal, lock })), told: told.join() };
  };

  it('is chosen where all of it can be had: the program, its sum and the registry of its images', async () => {
    const host = new URL(server.url).host;
    for (const status of [401, 200]) {
      server.routes.set('/v2/', registry(status));
      const { release, told } = await choose();
      expect(release).to.equal(version);
      expect(told).to.equal(`Istio ${version}, the official release: ${Array(3).fill(`${host} answered`).join(', ')}`);
    }
  });

  const lacking: [string, string, Route | undefined, string][] = [
    ['this version was never released', 'sum', undefined, 'answered 404'],
    ['its host answers with a log-in page', 'sum', (_, response) => response.end('<html>'), 'something else'],
    ['there is no internet at all', '/probe', (request) => request.destroy(), 'cannot be reached'],
    ['the registry answers as a web page', '/v2/', (_, response) => response.end('<html>'), 'not as a registry'],
    ['the registry is down', '/v2/', (_, response) => response.writeHead(503).end(), 'answered 503'],
    ['the registry does not answer', '/v2/', () => {}, 'did not answer within 1000 ms'],
  ];
  for (const [what, path, route, why] of lacking)
    it(`is not chosen where ${what}: it is built, and that is said`, async () => {
      const at = path === 'sum' ? `${name}.sha256` : path;
      if (route === undefined) server.routes.delete(at);
      else server.routes.set(at, route);
      const { release, told } = await choose();
      expect(release).to.equal(undefined);
      expect(told)
        .to.match(/^Istio is built here: /)
        .and.to.include(why);
    });

  it('asks a real registry as it wants to be asked', async () => {
    const { bin } = await createToolbox({ progress: silentProgress(), signal: new AbortController().signal }).get(
      'crane',
    );
    const real = await startRegistry(bin['crane']!, server.directory);
    try {
      expect((await choose(`http://${real.host}/v2/`)).release).to.equal(version);
    } finally {
      await real.kill();
    }
    expect((await choose(`http://${real.host}/v2/`)).told).to.include(`${real.host} cannot be reached`);
  });
});
