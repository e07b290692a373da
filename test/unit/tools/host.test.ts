import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnHost } from '../../../src/tools/host.ts';
import { readLock } from '../../../src/tools/lock.ts';
import type { Tool, ToolName } from '../../../src/tools/tool.ts';

const { signal } = new AbortController();

/** Real executables in a directory of their own, found over a PATH of our own. */
describe('tools of the host', () => {
  let directory = '';
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'meshproof-host-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  const install = (name: string, says: string, exitCode = 0, to: 'stdout' | 'stderr' = 'stdout'): void => {
    const script = `#!/bin/sh\necho '${says}' ${to === 'stderr' ? '>&2' : ''}\nexit ${exitCode}\n`;
    writeFileSync(join(directory, name), script, { mode: 0o755 });
  };
  const find = (name: ToolName, overrides = {}): Promise<Tool | { reason: string }> => {
    const { host } = readLock().tools[name];
    return findOnHost(
      name,
      { ...host, directories: [directory], onlyDirectories: true, ...overrides },
      { env: {}, signal },
    );
  };

  it('takes a program of a fitting version', async () => {
    install('etcd', 'etcd Version: 3.5.21');
    expect(await find('etcd')).to.deep.include({ name: 'etcd', version: '3.5.21', origin: 'host', root: '/' });
  });

  const unfit: [ToolName, string, string, string][] = [
    ['etcd', 'etcd', 'etcd Version: 2.3.8', 'is 2.3.8, not >=3.4.0 <3.7.0'],
    ['envoy', 'envoy', 'envoy  version: abc/1.39.0/Clean/RELEASE/BoringSSL', 'is 1.39.0, not >=1.40.0 <1.41.0'],
    ['k6', 'k6', 'k6 v2.2.0 (go1.26)', 'is 2.2.0'],
    ['consul', 'consul', 'Consul v1.21.0', 'is 1.21.0'],
    ['consul', 'consul', 'not what you think', 'does not say'],
    ['runc', 'runc', 'runc version 1.0.0', 'is 1.0.0'],
  ];
  for (const [tool, program, says, reason] of unfit) {
    it(`passes over ${program} that says "${says}"`, async () => {
      install(program, says);
      expect(await find(tool))
        .to.have.property('reason')
        .that.includes(reason);
    });
  }

  it('reads the versions of the real outputs', async () => {
    install('envoy', 'envoy  version: 5fd2a3f/1.40.0/Clean/RELEASE/BoringSSL');
    expect(await find('envoy')).to.have.property('version', '1.40.0');
    install(
      'bridge',
      'CNI bridge plugin version unknown\nCNI protocol versions supported: 0.1.0, 0.4.0, 1.0.0',
      1,
      'stderr',
    );
    for (const other of ['host-local', 'loopback', 'portmap']) install(other, '');
    expect(await find('cni-plugins')).to.have.property('version', '1.0.0');
  });

  it('wants the whole tool: containerd without its shim is none', async () => {
    install('containerd', 'containerd github.com/containerd/containerd v1.7.29 abc');
    install('ctr', 'ctr 1.7.29');
    expect(await find('containerd')).to.deep.equal({ reason: 'incomplete on the host: no containerd-shim-runc-v2' });
    install('containerd-shim-runc-v2', '');
    expect(await find('containerd')).to.have.property('version', '1.7.29');
  });

  it('checks every Kubernetes component, not only the first', async () => {
    const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy'];
    for (const program of components) install(program, 'Kubernetes v1.34.1');
    expect(await find('kubernetes')).to.have.property('version', '1.34.1');
    install('kubelet', 'Kubernetes v1.33.0');
    expect(await find('kubernetes'))
      .to.have.property('reason')
      .that.includes('kubelet is 1.33.0');
  });

  it('takes iptables in nft mode only', async () => {
    const programs = [
      'iptables',
      'ip6tables',
      'iptables-save',
      'ip6tables-save',
      'iptables-restore',
      'ip6tables-restore',
    ];
    for (const program of programs) install(program, 'iptables v1.8.9 (nf_tables)');
    expect(await find('iptables')).to.have.property('version', '1.8.9');
    install('iptables', 'iptables v1.8.9 (legacy)');
    expect(await find('iptables'))
      .to.have.property('reason')
      .that.includes('does not say');
  });

  it('takes busybox only if it is statically linked', async () => {
    const { host } = readLock().tools.busybox;
    const dynamic = {
      ...host,
      programs: ['sh'],
      directories: ['/bin'],
      onlyDirectories: true,
      args: ['-c', 'echo BusyBox v1.36.0'],
    };
    expect(await findOnHost('busybox', dynamic, { env: {}, signal }))
      .to.have.property('reason')
      .that.includes('not statically linked');
    install('busybox', 'BusyBox v1.36.0 multi-call');
    expect(await find('busybox'), 'a script')
      .to.have.property('reason')
      .that.includes('not statically linked');
  });

  const installPostgres = (version: string, programs = ['postgres', 'initdb', 'psql', 'pg_ctl']): void => {
    for (const program of programs) install(program, `${program} (PostgreSQL) ${version}`);
  };
  for (const [version, fits] of [
    ['13.20', false],
    ['14.19 (Ubuntu 14.19-0ubuntu0.22.04.1)', true],
    ['15.9 (Debian 15.9-0+deb12u1)', true],
    ['16.10 (Ubuntu 16.10-0ubuntu0.24.04.1)', true],
    ['17.6 (Debian 17.6-0+deb13u1)', true],
    ['18.0', false],
    ['18beta1', false],
  ] as const) {
    it(`${fits ? 'takes' : 'passes over'} PostgreSQL ${version}`, async () => {
      installPostgres(version);
      const number = /^[0-9.]+/.exec(version)?.[0];
      if (fits) expect(await find('postgres')).to.have.property('version', number);
      else
        expect(await find('postgres'))
          .to.have.property('reason')
          .that.includes(`is ${number}, not >=14.0 <18.0`);
    });
  }

  it('takes a whole tool from one directory, not the client of one PostgreSQL and the server of another', async () => {
    const top = directory;
    const [older, newer] = [join(top, '15'), join(top, '16')];
    for (directory of [older, newer]) mkdirSync(directory);
    directory = older;
    installPostgres('15.9', ['psql']);
    directory = newer;
    installPostgres('16.10');
    directory = top;
    const tool = await find('postgres', { directories: [older, newer] });
    expect(tool).to.have.property('version', '16.10');
    expect((tool as Tool).bin['psql']).to.equal(join(newer, 'psql'));
    rmSync(join(newer, 'initdb'));
    expect(await find('postgres', { directories: [older, newer] })).to.deep.equal({
      reason: 'incomplete on the host: no initdb',
    });
  });

  it('is not there without an executable file of that name', async () => {
    mkdirSync(join(directory, 'etcd'));
    expect(await find('etcd')).to.deep.equal({ reason: 'not on the host' });
    rmSync(join(directory, 'etcd'), { recursive: true });
    writeFileSync(join(directory, 'etcd'), 'not executable', { mode: 0o644 });
    expect(await find('etcd')).to.deep.equal({ reason: 'not on the host' });
  });
});
