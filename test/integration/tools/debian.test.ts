import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { silentProgress } from '../../../src/base/progress.ts';
import { runCommand } from '../../../src/base/process.ts';
import { findOnHost } from '../../../src/tools/host.ts';
import { readLock, type ToolsLock } from '../../../src/tools/lock.ts';
import type { Tool } from '../../../src/tools/tool.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';

const { signal } = new AbortController();

/** Real packages from the host's real sources. Needs a Debian or Ubuntu host; anything else fails here and says so. */
describe('Debian packages, unpacked', function () {
  this.timeout(180_000);
  const cacheDir = mkdtempSync(join(tmpdir(), 'meshproof-debian-'));
  after(() => rmSync(cacheDir, { recursive: true, force: true }));

  const toolbox = (change: (lock: ToolsLock) => void = () => {}) => {
    const lock = readLock();
    // Offline for releases: these tests are about packages.
    lock.probe = { ...lock.probe, url: 'http://127.0.0.1:9/' };
    change(lock);
    return createToolbox({ cacheDir, progress: silentProgress(), signal, ignoreHost: true, lock });
  };

  /** What apt and dpkg keep of the host. */
  const hostState = (): string => {
    const hash = createHash('sha256').update(readFileSync('/var/lib/dpkg/status'));
    for (const directory of ['/var/lib/apt/lists', '/var/cache/apt', '/var/cache/apt/archives']) {
      for (const name of readdirSync(directory).sort()) {
        const seen = statSync(join(directory, name), { throwIfNoEntry: false });
        if (seen?.isFile()) hash.update(`${directory}/${name} ${seen.size} ${seen.mtimeMs}\n`);
      }
    }
    return hash.digest('hex');
  };

  const inOwnNetwork = async (argv: string[], env: Record<string, string> = {}): Promise<string> =>
    (await runCommand(['unshare', '--net', 'env', '-i', ...Object.entries(env).map(([k, v]) => `${k}=${v}`), ...argv]))
      .stdout;

  let iptables: Tool;
  it('come without touching the host', async () => {
    const before = hostState();
    iptables = await toolbox().get('iptables');
    expect(iptables).to.include({ origin: 'debian' });
    expect(hostState()).to.equal(before);
  });

  it('give iptables that works in nft mode by its name, without any environment', async () => {
    const directory = dirname(iptables.bin.iptables ?? '');
    const rule = [
      '-t',
      'nat',
      '-A',
      'OUTPUT',
      '-p',
      'tcp',
      '--dport',
      '80',
      '-m',
      'comment',
      '--comment',
      'hi',
      '-j',
      'REDIRECT',
      '--to-ports',
      '81',
    ];
    const text = await inOwnNetwork(
      ['/bin/sh', '-c', 'iptables --version && iptables "$@" && iptables-save -t nat', 'sh', ...rule],
      { PATH: `${directory}:/usr/bin:/bin` },
    );
    expect(text).to.include('(nf_tables)');
    expect(text).to.include('-A OUTPUT -p tcp -m tcp --dport 80 -m comment --comment hi -j REDIRECT --to-ports 81');
  });

  it('give the ELF file too, which runs with the tool’s environment', async () => {
    expect(
      readFileSync(iptables.elf.iptables ?? '')
        .subarray(0, 4)
        .toString('latin1'),
    ).to.equal('\x7fELF');
    expect(await inOwnNetwork([iptables.elf.iptables ?? '', '--version'], iptables.env)).to.include('nf_tables');
  });

  it('put no library on the path that the host has, and never the C library', async () => {
    const { stdout } = await runCommand(['/sbin/ldconfig', '-p']);
    for (const directory of iptables.libraryPath) {
      for (const library of readdirSync(directory)) {
        expect(library).not.to.match(/^(libc|libm|libpthread|ld-linux.*)\.so/);
        expect(stdout, library).not.to.include(`\t${library} (`);
      }
    }
    const { stdout: bare } = await runCommand(['ldd', iptables.elf.iptables ?? '']);
    const lacking = [...bare.matchAll(/(\S+) => not found/g)].map(([, name]) => name);
    const linked = iptables.libraryPath.flatMap((directory) => readdirSync(directory));
    expect(linked).to.include.members(lacking);
  });

  it('give a static busybox, which then fits as a host tool', async () => {
    const busybox = await toolbox().get('busybox');
    const directories = [dirname(busybox.bin.busybox ?? '')];
    const host = { ...readLock().tools.busybox.host, directories, onlyDirectories: true };
    expect(await findOnHost('busybox', host, { env: {}, signal })).to.include({ origin: 'host' });
  });

  it('give PostgreSQL, of the series apt has, that finds its own files: initdb makes a cluster', async () => {
    const postgres = await toolbox().get('postgres');
    expect(postgres.version).to.match(/^1[4-7]\./);
    const data = join(cacheDir, 'data');
    await runCommand(['install', '-d', '-o', 'nobody', data]);
    await runCommand(['chmod', '-R', 'a+rX', cacheDir]);
    const initdb = ['-D', data, '--no-locale', '--no-sync', '--auth=trust', '-U', 'meshproof'];
    const env = Object.entries(postgres.env).map(([key, value]) => `${key}=${value}`);
    await runCommand([
      'setpriv',
      '--reuid=65534',
      '--clear-groups',
      'env',
      ...env,
      postgres.bin.initdb ?? '',
      ...initdb,
    ]);
    expect(readFileSync(join(data, 'PG_VERSION'), 'utf8').trim()).to.equal(postgres.version.split('.')[0]);
  });

  it('give one file of CA certificates', async () => {
    const box = toolbox((lock) => (lock.tools['ca-certificates'].host.file!.paths = []));
    const tool = await box.get('ca-certificates');
    expect(tool.origin).to.equal('debian');
    const text = readFileSync(tool.bin['ca-certificates.crt'] ?? '', 'utf8');
    const begun = text.match(/^-----BEGIN CERTIFICATE-----$/gm)?.length ?? 0;
    expect(begun).to.be.greaterThan(100);
    expect(text.match(/^-----END CERTIFICATE-----$/gm)).to.have.length(begun);
    const kept = readdirSync(join(cacheDir, 'tools'), { recursive: true, encoding: 'utf8' });
    expect(
      kept.filter((name) => /\.deb$|scratch/.test(name)),
      'what was only downloaded is not kept',
    ).to.deep.equal([]);
  });

  const failing: [string, (lock: ToolsLock) => void, string][] = [
    [
      'no source has',
      (lock) => Object.assign(lock.tools.conntrack.package, { packages: ['meshproof-no-such-package'] }),
      'no apt source of the host has meshproof-no-such-package',
    ],
    ['have another version', (lock) => Object.assign(lock.tools.conntrack.package, { range: '>=9.0' }), 'not >=9.0'],
    [
      'lack the program',
      (lock) => Object.assign(lock.tools.conntrack.package, { programs: ['contrack'] }),
      'conntrack came without contrack',
    ],
  ];
  for (const [what, change, reason] of failing) {
    it(`that ${what} are a missing tool with that reason`, async () => {
      const error: unknown = await toolbox(change)
        .get('conntrack')
        .catch((e: unknown) => e);
      expect(error).to.have.property('code', 'MESHPROOF_TOOL_MISSING');
      expect(error).to.have.property('message').that.includes(reason);
    });
  }
});
