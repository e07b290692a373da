import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { pollUntil } from '../../../src/base/poll.ts';
import { root } from '../../e2e/cli.ts';

const packageJson = { name: 'checkout', version: '1.0.0', scripts: { install: 'node install.mjs' } };
const packageLock = { name: 'checkout', version: '1.0.0', lockfileVersion: 3, packages: { '': packageJson } };

/** Notes that it began, and ends when the test says so: two installs overlap if nothing keeps them apart. */
const install = `
import { appendFileSync, existsSync } from 'node:fs';
appendFileSync('installs', 'x');
const timer = setInterval(() => existsSync('go') && clearInterval(timer), 20);
`;

describe('bin/bootstrap.mjs in a fresh clone', () => {
  let clone = '';
  beforeEach(() => {
    clone = mkdtempSync(join(tmpdir(), 'meshproof-clone-'));
    cpSync(join(root, 'bin'), join(clone, 'bin'), { recursive: true });
    write('package.json', JSON.stringify(packageJson));
    write('package-lock.json', JSON.stringify(packageLock));
    write('install.mjs', install);
    write('run.mjs', `import { ensureDependencies } from './bin/bootstrap.mjs'; ensureDependencies();`);
  });
  afterEach(() => rmSync(clone, { recursive: true }));

  const write = (name: string, text: string): void => writeFileSync(join(clone, name), text);
  const installs = (): number =>
    existsSync(join(clone, 'installs')) ? readFileSync(join(clone, 'installs')).length : 0;
  const leftOver = (): string[] => readdirSync(clone).filter((name) => name.startsWith('.npm-ci'));
  const run = () => {
    let said = '';
    const child = execa('node', ['run.mjs'], {
      cwd: clone,
      stdin: 'ignore',
      reject: false,
      timeout: 50_000,
      env: { npm_config_ignore_scripts: 'false' },
    });
    child.stderr.on('data', (text: Buffer) => (said += text.toString()));
    return { done: child, said: () => said };
  };
  const until = (what: string, isSo: () => boolean): Promise<unknown> =>
    pollUntil(async () => (isSo() ? { ready: true } : { pending: 'not yet' }), {
      what,
      timeoutMs: 30_000,
      intervalMs: 20,
      code: 'MESHPROOF_INTERNAL',
    });

  it('installs once for two first runs; the other waits and says for whom', async () => {
    const first = run();
    await until('the first install', () => installs() === 1);
    const second = run();
    await until('the second to wait', () => /waiting for process \d+/.test(second.said()));
    write('go', '');
    for (const { exitCode } of await Promise.all([first.done, second.done])) expect(exitCode).to.equal(0);
    expect(installs()).to.equal(1);
    expect(second.said()).not.to.include('installing');
    expect(leftOver()).to.deep.equal([]);
  });

  it('would install twice at once without its lock', async () => {
    const source = readFileSync(join(clone, 'bin/lock.mjs'), 'utf8');
    expect(source).to.include('  waitForLock(lock, what);\n');
    write('bin/lock.mjs', source.replace('  waitForLock(lock, what);\n', ''));
    const both = [run(), run()];
    await until('two installs', () => installs() === 2);
    write('go', '');
    await Promise.all(both.map(({ done }) => done));
  });

  const dead: [string, string][] = [
    ['of a process that is gone', '4194305 1'],
    ['of an earlier process with a pid in use', `${process.pid} 1`],
    ['that is empty', ''],
  ];
  for (const [what, content] of dead) {
    it(`takes over a lock ${what}`, async () => {
      write('.npm-ci.lock', content);
      write('go', '');
      expect((await run().done).exitCode).to.equal(0);
      expect(installs()).to.equal(1);
      expect(leftOver()).to.deep.equal([]);
    });
  }

  it('installs again when the lock file changed, and not when it did not', async () => {
    write('go', '');
    for (const expected of [1, 1]) {
      expect((await run().done).exitCode).to.equal(0);
      expect(installs()).to.equal(expected);
    }
    write('package-lock.json', JSON.stringify(packageLock, undefined, 1));
    expect((await run().done).exitCode).to.equal(0);
    expect(installs()).to.equal(2);
  });

  it('ends with 3, and without a lock, when npm fails', async () => {
    write('install.mjs', 'process.exit(1)');
    const { exitCode, stderr } = await run().done;
    expect(exitCode).to.equal(3);
    expect(stderr).to.include('MESHPROOF_TOOL_MISSING');
    expect(leftOver()).to.deep.equal([]);
  });
});
