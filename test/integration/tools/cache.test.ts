import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { identityOf } from '../../../src/base/process-identity.ts';
import { runCommand } from '../../../src/base/process.ts';
import type { Tool } from '../../../src/tools/tool.ts';
import { ReleaseServer, watchedProgress } from './release-server.ts';

const says = async (tool: Tool): Promise<string> => (await runCommand([tool.bin.k6 ?? ''])).stdout.trim();

describe('tool cache', () => {
  let server: ReleaseServer;
  let entry = '';
  const children: ChildProcess[] = [];
  beforeEach(async () => {
    server = await ReleaseServer.start();
    entry = join(server.directory, 'cache/tools/k6/1.8.1-release');
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await server[Symbol.asyncDispose]();
  });

  const downloads = (): number => server.requests.filter((path) => path === '/k6.tar.gz').length;

  const damage: [string, () => void][] = [
    ['has a truncated program', () => writeFileSync(join(entry, 'bin/k6'), '#!/bin')],
    ['has a longer program', () => appendFileSync(join(entry, 'bin/k6'), 'echo changed\n')],
    [
      'has a program of the same length with other content',
      () => {
        const path = join(entry, 'bin/k6');
        writeFileSync(path, readFileSync(path, 'utf8').replace('release', 'Release'));
        utimesSync(path, new Date(0), new Date(0));
      },
    ],
    ['lacks its program', () => rmSync(join(entry, 'bin/k6'))],
    ['lacks its manifest', () => rmSync(join(entry, 'tool.json'))],
    ['has half a manifest', () => writeFileSync(join(entry, 'tool.json'), '{"name":')],
    ['has another manifest', () => writeFileSync(join(entry, 'tool.json'), '{"name":"k6"}')],
  ];
  for (const [what, harm] of damage) {
    it(`does not believe an entry that ${what}, and makes it anew`, async () => {
      await server.toolbox().get('k6');
      harm();
      const looked = await server.toolbox().look('k6');
      expect(looked.tool).to.equal(undefined);
      expect(looked.rejected).to.have.length(1);
      expect(await says(await server.toolbox().get('k6'))).to.equal('from the release');
      expect(downloads()).to.equal(2);
      expect((await server.toolbox().look('k6')).rejected).to.deep.equal([]);
    });
  }

  it('believes an entry whose times moved but not its content (a restored CI cache)', async () => {
    await server.toolbox().get('k6');
    utimesSync(join(entry, 'bin/k6'), new Date(0), new Date(0));
    await server.toolbox().get('k6');
    expect(downloads()).to.equal(1);
  });

  it('does not use what another lock file made', async () => {
    await server.toolbox().get('k6');
    const lock = server.lock();
    lock.tools.k6.release!.files[0]!.programs = { k6: 'k6-v1.8.1/README.md' };
    const { reasons } = await server.toolbox({ lock }).look('k6');
    expect(reasons.join()).to.include('made by another lock file');
  });

  it('may be moved as a whole', async () => {
    await server.toolbox().get('k6');
    const cacheDir = join(server.directory, 'moved');
    await runCommand(['cp', '-a', join(server.directory, 'cache'), cacheDir]);
    rmSync(join(server.directory, 'cache'), { recursive: true });
    const tool = await server.toolbox({ cacheDir }).get('k6');
    expect(await says(tool)).to.equal('from the release');
    expect(downloads()).to.equal(1);
  });

  /** Another meshproof: a process of its own that gets k6 and prints where it came from. */
  const other = (): ChildProcess => {
    const script = fileURLToPath(new URL('get-k6.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import=tsx', script, join(server.directory, 'cache')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin?.end(JSON.stringify({ lock: server.lock(), index: `${server.url}/simple` }));
    children.push(child);
    return child;
  };
  const output = async (child: ChildProcess): Promise<string> => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await once(child, 'close');
    return text.trim();
  };

  it('lets two runs at once make a tool once', async () => {
    const whole = server.routes.get('/k6.tar.gz') as Buffer;
    let release = (): void => {};
    const bothWait = new Promise<void>((resolve) => (release = resolve));
    server.routes.set('/k6.tar.gz', (_request, response) => void bothWait.then(() => response.end(whole)));
    const first = output(other());
    await server.asked('/k6.tar.gz');
    // The download goes on only when this process waits for the first one's lock.
    const { progress, waiting } = watchedProgress();
    const mine = server.toolbox({ progress }).get('k6');
    const second = output(other());
    await waiting;
    release();
    expect(await mine).to.include({ origin: 'release' });
    const outputs = [first, second];
    expect(await Promise.all(outputs)).to.deep.equal(['release', 'release']);
    expect(downloads()).to.equal(1);
  });

  it('is not harmed by kill -9 in the middle: the lock is taken over, the leftovers go, the tool comes', async () => {
    const whole = server.routes.get('/k6.tar.gz') as Buffer;
    let inTheMiddle = (): void => {};
    const reached = new Promise<void>((resolve) => (inTheMiddle = resolve));
    server.routes.set('/k6.tar.gz', (_request, response) => {
      response.writeHead(200, { 'content-length': whole.length });
      response.write(whole.subarray(0, 100), () => inTheMiddle());
    });
    const child = other();
    await reached;
    child.kill('SIGKILL');
    await once(child, 'close');
    const left = readdirSync(join(server.directory, 'cache/tools/k6'));
    expect(left).to.include('.lock');
    expect(left.filter((name) => name.startsWith('.scratch-'))).to.have.length(1);
    expect((await server.toolbox().look('k6')).tool, 'half a tool is none').to.equal(undefined);
    server.routes.set('/k6.tar.gz', whole);
    expect(await says(await server.toolbox().get('k6'))).to.equal('from the release');
    expect(readdirSync(join(server.directory, 'cache/tools/k6'))).to.deep.equal(['1.8.1-release']);
  });

  it('takes over the lock of a pid that is someone else by now, and waits for a living one', async () => {
    const directory = join(server.directory, 'cache/tools/k6');
    mkdirSync(directory, { recursive: true });
    const { stdout: pidNamespace } = await runCommand(['readlink', '/proc/self/ns/pid']);
    const holder = (change: object): string =>
      JSON.stringify({ ...identityOf(process.pid), pidNamespace: pidNamespace.trim(), ...change });

    writeFileSync(join(directory, '.lock'), holder({}));
    const { progress, waiting } = watchedProgress();
    const tool = server.toolbox({ progress }).get('k6');
    expect(await waiting).to.include(`process ${process.pid}`);
    expect(server.requests, 'while the holder lives').to.deep.equal([]);

    writeFileSync(join(directory, '.lock'), holder({ startTicks: '1' }));
    expect(await tool).to.include({ origin: 'release' });
    expect(downloads()).to.equal(1);
  });
});
