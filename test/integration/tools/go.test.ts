import { expect } from 'chai';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { runCommand } from '../../../src/base/process.ts';
import { ToolCache } from '../../../src/tools/cache.ts';
import { download } from '../../../src/tools/download.ts';
import { goBuild, goFiles, planGoBuild } from '../../../src/tools/go-build.ts';
import { GoBuilds } from '../../../src/tools/go-builds.ts';
import { ensureGo, findGoOnHost, goProxies, hash1 } from '../../../src/tools/go-toolchain.ts';
import { lockOf, readLock, toolsDirectory, type GoLock, type ToolsLock } from '../../../src/tools/lock.ts';
import type { SourceContext } from '../../../src/tools/source.ts';
import { unzip } from '../../../src/tools/unpack.ts';

const { signal } = new AbortController();
const offline = async () => ({ reachable: false, reason: 'offline for this test' });

describe('Go', function () {
  this.timeout(300_000);
  const cacheDir = mkdtempSync(join(tmpdir(), 'meshproof-go-'));
  after(() => rmSync(cacheDir, { recursive: true, force: true }));

  const lock = (change: (go: ToolsLock['go']) => void = () => {}): ToolsLock['go'] => {
    const { go } = readLock();
    go.directories = [];
    change(go);
    return go;
  };
  const context = (env: NodeJS.ProcessEnv): SourceContext => ({
    ...{ name: 'coredns', lock: lockOf(readLock(), 'coredns'), cacheDir, signal, detail: () => {} },
    env: { GOPROXY: process.env.GOPROXY, HOME: process.env.HOME, ...env },
  });

  it('has sums as the go command writes them: a real module has the sum of our go.sum', async () => {
    const [module, version] = ['github.com/pkg/errors', 'v0.9.1'];
    const sums = readFileSync(join(toolsDirectory, 'consul/go.sum'), 'utf8');
    const wanted = new RegExp(`^${module} ${version} (h1:\\S+)`, 'm').exec(sums)?.[1];
    const [proxy] = goProxies(process.env);
    await download(`${proxy}/${module}/@v/${version}.zip`, join(cacheDir, 'module.zip'), { signal });
    const directory = join(cacheDir, 'module');
    mkdirSync(directory);
    const prefix = `${module}@${version}/`;
    await unzip(join(cacheDir, 'module.zip'), directory, (name) => name.slice(prefix.length));
    expect(await hash1(directory, prefix)).to.equal(wanted);
    rmSync(join(directory, 'README.md'));
    expect(await hash1(directory, prefix)).not.to.equal(wanted);
  });

  it('comes from the module proxy where PATH has none, and builds', async () => {
    const cache = new ToolCache(cacheDir);
    const go = await ensureGo('1.26.7', lock(), cache, offline, context({ PATH: '/usr/bin:/bin' }));
    expect(go).to.include({ origin: 'go', version: '1.26.7' });
    const source = join(cacheDir, 'hello');
    mkdirSync(source);
    const { stdout } = await runCommand([go.go, 'version'], { env: { ...go.env, GOTOOLCHAIN: 'local' } });
    expect(stdout).to.include('go1.26.7 linux/amd64');
    const again = await ensureGo('1.26.7', lock(), cache, offline, context({ PATH: '/usr/bin:/bin', GOPROXY: 'off' }));
    expect(again.go, 'from the cache, without a proxy').to.equal(go.go);
  });

  it('with another sum than was pinned is refused', async () => {
    const cache = new ToolCache(join(cacheDir, 'other'));
    const wrong = lock((go) => (go.toolchain.h1 = 'h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='));
    const error: unknown = await ensureGo('1.26.7', wrong, cache, offline, context({ PATH: '/usr/bin' })).catch(
      (e: unknown) => e,
    );
    expect(error).to.have.property('code', 'MESHPROOF_TOOL_CHECKSUM');
    expect((await cache.find('go', () => undefined)).entry).to.equal(undefined);
  });

  it('that cannot be had names every way that was tried', async () => {
    const cache = new ToolCache(join(cacheDir, 'third'));
    const error: unknown = await ensureGo('1.26.7', lock(), cache, offline, {
      ...context({ PATH: '/usr/bin', GOPROXY: 'http://127.0.0.1:9' }),
    }).catch((e: unknown) => e);
    expect(error)
      .to.have.property('message')
      .that.matches(/no Go on the host; release: offline for this test; .*127\.0\.0\.1:9/);
  });

  it('of the host does only if it is new enough', async () => {
    const go = join(cacheDir, 'tools/go/1.26.7-go/go/bin');
    const env = { PATH: go, HOME: process.env.HOME };
    expect(await findGoOnHost('1.26.7', lock(), { env, signal })).to.include({ origin: 'host', version: '1.26.7' });
    expect(await findGoOnHost('1.27', lock(), { env, signal }))
      .to.have.property('reason')
      .that.includes('is 1.26.7, needed is 1.27');
  });

  it('says what it will compile, and compiles that', async () => {
    const source = join(cacheDir, 'counted');
    mkdirSync(join(source, 'part'), { recursive: true });
    const write = (name: string, text: string): void => writeFileSync(join(source, name), text);
    write('go.mod', 'module counted.example/hello\n\ngo 1.21\n');
    write('main.go', 'package main\n\nimport "counted.example/hello/part"\n\nfunc main() { part.Say() }\n');
    // Never compiled before, so that the plan cannot be empty.
    write('part/part.go', `package part\n\nfunc Say() { print("${Date.now()}") }\n`);
    const seen: string[] = [];
    const hello = { ...context({ PATH: process.env.PATH }), detail: (text: string) => void seen.push(text) };
    const pack: GoLock = {
      ...{ kind: 'go', module: 'counted.example/hello', directory: relative(toolsDirectory, source), build: '.' },
      ...{ ldflags: '-s -w', programs: ['hello'], files: { text: 'go.mod' }, coldMinutes: 0 },
    };
    const go = await ensureGo('1.21', readLock().go, new ToolCache(cacheDir), offline, hello);
    const plan = await planGoBuild(hello, pack, go);
    const own = plan.filter(({ path }) => path.startsWith('counted.example/')).map(({ path }) => path);
    expect(own).to.have.members(['counted.example/hello', 'counted.example/hello/part']);
    const out = join(cacheDir, 'counted-out');
    mkdirSync(out);
    const made = await goBuild(out, hello, pack, go, new GoBuilds().plan(plan));
    expect(made.programs).to.deep.equal({ hello: 'bin/hello', text: 'files/text' });
    expect(readFileSync(join(out, 'files/text'), 'utf8')).to.include('module counted.example/hello');
    expect(seen).to.include(`0 of ${plan.length} packages compiled`);
    expect(seen.at(-1)).to.equal(`${plan.length} of ${plan.length} packages compiled`);
    expect(await planGoBuild(hello, pack, go), 'all is in the build cache then').to.have.length.below(plan.length);
  });

  it('gives files of a module as they are, and none that go.sum does not know', async () => {
    const { version, package: pack } = readLock().tools['gateway-api'];
    if (pack.kind !== 'go-files') return expect.fail('no files');
    const about = { ...context({ PATH: process.env.PATH }), lock: readLock().tools['gateway-api'] };
    const go = await ensureGo('1.21', readLock().go, new ToolCache(cacheDir), offline, about);
    const out = join(cacheDir, 'files-out');
    mkdirSync(out);
    const made = await goFiles(out, about, pack, go);
    expect(made).to.include({ version, origin: 'go' });
    expect(Object.keys(made.programs)).to.have.members(Object.keys(pack.files));
    const text = readFileSync(join(out, made.programs['httproutes.yaml']!), 'utf8');
    expect(text)
      .to.include(`gateway.networking.k8s.io/bundle-version: v${version}`)
      .and.to.include('channel: experimental');

    const source = join(cacheDir, 'pinned');
    mkdirSync(source);
    const write = (name: string, content: string): void => writeFileSync(join(source, name), content);
    write('go.mod', `module pinned.example/files\n\ngo 1.21\n\nrequire ${pack.module} v${version}\n`);
    const sums = readFileSync(join(toolsDirectory, pack.directory, 'go.sum'), 'utf8').split('\n');
    const own = sums.filter((line) => line.startsWith(`${pack.module} v${version}`));
    expect(own).to.have.length(2);
    write('go.sum', own.join('\n').replace(/ h1:./, ' h1:x'));
    const elsewhere = { ...pack, directory: relative(toolsDirectory, source) };
    const other = join(cacheDir, 'files-other');
    mkdirSync(other);
    const error: unknown = await goFiles(other, about, elsewhere, go).catch((e: unknown) => e);
    expect(error).to.have.property('code', 'MESHPROOF_TOOL_BUILD');
    expect(error)
      .to.have.property('message')
      .that.matches(/module-auth/);
    expect(readdirSync(other)).to.deep.equal([]);
    return undefined;
  });

  it('reads GOPROXY as Go does', () => {
    expect(goProxies({})).to.deep.equal(['https://proxy.golang.org']);
    expect(goProxies({ GOPROXY: 'https://a.example/,http://b.example|direct' })).to.deep.equal([
      'https://a.example',
      'http://b.example',
    ]);
    expect(goProxies({ GOPROXY: 'off' })).to.deep.equal([]);
  });
});
