import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MeshproofError } from '../../../../src/base/errors.ts';
import { pollUntil } from '../../../../src/base/poll.ts';
import type { HttpExchange } from '../../../../src/observe/capture/http1/conversation.ts';
import { HttpExchanges } from '../../../../src/observe/capture/http1/exchanges.ts';
import { judgeWire } from '../../../../src/observe/capture/judge-wire.ts';
import { startLiveCapture } from '../../../../src/observe/capture/live-capture.ts';
import { proveWire } from '../../../../src/observe/capture/prove-wire.ts';
import { startCapture, type CaptureOptions, type RunningCapture } from '../../../../src/observe/capture/tcpdump.ts';
import type { WireEdge, WireProof } from '../../../../src/observe/capture/wire.ts';
import type { PodRef } from '../../../../src/kube/types.ts';
import type { Tool } from '../../../../src/tools/tool.ts';
import { testAuthority } from '../../../unit/observe/capture/certificates.ts';
import { clientIp, serverIp, twoPods, type TwoPods } from './two-pods.ts';

const plantedToken = 'planted-0b1c2d3e4f';
const clientIdentity = 'spiffe://test/ns/default/svc/client';
const serverIdentity = 'spiffe://test/ns/default/svc/server';
const edge: WireEdge = {
  source: 'client',
  destination: 'server',
  sourceIps: [clientIp],
  destinationIps: [serverIp],
  side: 'server',
};
const expectation = {
  expectTls: true,
  port: 20_000,
  minTlsVersion: '1.2',
  identitiesOnWire: true,
  clientIdentity,
  serverIdentity,
} as const;

/** Processes whose command line names this file. */
async function writersOf(file: string): Promise<number[]> {
  const { readdir } = await import('node:fs/promises');
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.split('\0').includes(file)) found.push(Number(pid));
  }
  return found;
}

describe('tcpdump on a pod’s network', function () {
  let pods: TwoPods;
  let folder: string;
  let running: RunningCapture[] = [];

  before(async () => {
    pods = await twoPods();
  });
  after(() => pods[Symbol.asyncDispose]());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshproof-test-'));
  });
  afterEach(async () => {
    for (const capture of running) await capture.stop();
    running = [];
    await rm(folder, { recursive: true });
  });

  async function start(pod: PodRef, more: Partial<CaptureOptions> = {}): Promise<RunningCapture> {
    const capture = await startCapture({
      pod,
      argvFor: (argv) => Promise.resolve(pods.command(pod, argv)),
      tcpdump: pods.tcpdump,
      file: join(folder, `${pod.uid}.pcap`),
      signal: new AbortController().signal,
      ...more,
    });
    running.push(capture);
    return capture;
  }

  /** Both pods captured while the two talk. */
  async function captured(talk: Parameters<TwoPods['talk']>[0]): Promise<WireProof[]> {
    const captures = await Promise.all([start(pods.client), start(pods.server)]);
    await pods.talk(talk);
    const proofs: WireProof[] = [];
    for (const capture of captures) {
      const result = await capture.stop();
      expect(result.problems).to.deep.equal([]);
      expect(result.packetsCaptured).to.be.greaterThan(0);
      proofs.push(
        await proveWire(result.file, edge, { plantedTokens: [plantedToken], kernelDrops: result.kernelDrops }),
      );
    }
    return proofs;
  }

  async function refusal(attempt: Promise<unknown>): Promise<MeshproofError> {
    const error = await attempt.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(MeshproofError);
    expect((error as MeshproofError).code).to.equal('MESHPROOF_CAPTURE');
    return error as MeshproofError;
  }

  function fakeTcpdump(program: string): Tool {
    return { ...pods.tcpdump, env: {}, bin: { tcpdump: program } };
  }

  it('control: an unmeshed pair shows the planted token at both ends', async () => {
    for (const proof of await captured({ port: 8080, message: plantedToken, requests: 2, answerBytes: 100 })) {
      expect(judgeWire(proof, { expectTls: false })).to.deep.equal({ status: 'pass', problems: [] });
      expect(proof).to.include({ connections: 2, tlsBytes: 0, unclassifiedBytes: 0, port: 8080 });
      // To the last byte, though tcpdump was stopped at once.
      const request = `GET /?q=${plantedToken} HTTP/1.1\r\nX-Marker: ${plantedToken}\r\n\r\n${plantedToken}`;
      expect(proof.plaintextBytes).to.equal(2 * (request.length + 100));
      expect(judgeWire(proof, expectation).status).to.equal('fail');
    }
  });

  it('treatment: mutual TLS shows two identities and no planted token at both ends', async () => {
    const authority = await testAuthority();
    const leaf = async (uri: string): Promise<{ ca: string; cert: string; key: string }> => {
      const { cert, key } = await authority.issue([{ type: 'url', value: uri }]);
      return { ca: authority.pem, cert, key };
    };
    const tls = { client: await leaf(clientIdentity), server: await leaf(serverIdentity) };
    for (const proof of await captured({
      port: 20_000,
      tls,
      message: plantedToken,
      requests: 3,
      answerBytes: 2_000_000,
    })) {
      expect(judgeWire(proof, expectation)).to.deep.equal({ status: 'pass', problems: [] });
      expect(proof).to.include({
        connections: 3,
        canarySeen: false,
        tlsVersion: '1.2',
        clientIdentity,
        serverIdentity,
      });
      expect(proof.tlsBytes).to.be.greaterThan(6_000_000);
      expect(judgeWire(proof, { expectTls: false }).status).to.equal('invalid');
    }
  });

  it('says that nothing was captured', async () => {
    const result = await (await start(pods.client)).stop();
    expect(result.problems).to.deep.equal(['tcpdump captured no packets']);
    const proof = await proveWire(result.file, edge, { plantedTokens: [plantedToken], kernelDrops: 0 });
    expect(judgeWire(proof, expectation)).to.deep.equal({
      status: 'invalid',
      problems: ['nothing captured: no packets between the two ends'],
    });
  });

  it('says that tcpdump died on the way, and what it had written stays readable', async () => {
    const capture = await start(pods.server);
    await pods.talk({ port: 8080, message: plantedToken, requests: 1, answerBytes: 10 });
    const writers = await writersOf(capture.file);
    expect(writers).not.to.deep.equal([]);
    await pollUntil(
      async () =>
        existsSync(capture.file) && (await stat(capture.file)).size > 500
          ? { ready: true }
          : { pending: 'not written' },
      { what: 'tcpdump', timeoutMs: 10_000 },
    );
    for (const pid of writers) process.kill(pid, 'SIGKILL');
    await pollUntil(
      async () => ((await writersOf(capture.file)).length === 0 ? { ready: true } : { pending: 'alive' }),
      { what: 'tcpdump to die', timeoutMs: 10_000 },
    );
    const { problems, file } = await capture.stop();
    expect(problems.join('\n')).to.match(/tcpdump ended by itself \(SIGKILL\)/);
    expect(problems).to.include('tcpdump did not report its counters');
    const proof = await proveWire(file, edge, { plantedTokens: [plantedToken], kernelDrops: 0 });
    expect(proof.packets).to.be.greaterThan(0);
  });

  it('ends itself after its time, which is a problem', async () => {
    const capture = await start(pods.client, { maxDurationMs: 1000 });
    await pollUntil(
      async () => ((await writersOf(capture.file)).length === 0 ? { ready: true } : { pending: 'alive' }),
      { what: 'tcpdump to end', timeoutMs: 10_000 },
    );
    const { problems } = await capture.stop();
    expect(problems[0]).to.match(/^tcpdump ended by itself/);
  });

  it('is stopped by the run’s signal, and stop can be called twice', async () => {
    const controller = new AbortController();
    const capture = await start(pods.client, { signal: controller.signal });
    controller.abort(new Error('interrupted'));
    const result = await capture.stop();
    expect(await capture.stop()).to.equal(result);
    expect(await writersOf(capture.file)).to.deep.equal([]);
  });

  it('refuses an interface that is not there, with tcpdump’s own words', async () => {
    const error = await refusal(start(pods.client, { interface: 'eth7' }));
    expect(error.message).to.match(/eth7/);
    expect(error.hint).to.match(/no such interface/);
  });

  it('refuses a file that cannot be written', async () => {
    const error = await refusal(start(pods.client, { file: join(folder, 'no', 'such.pcap') }));
    expect(error.message).to.match(/No such file/);
  });

  it('refuses a tcpdump that dies at once, and one that never listens, and leaves none behind', async () => {
    const dies = join(folder, 'dies');
    await writeFile(dies, '#!/bin/sh\necho "cannot capture today" >&2\nexit 3\n');
    const mute = join(folder, 'mute');
    await writeFile(mute, '#!/bin/sh\nexec tail -f "$0"\n');
    for (const program of [dies, mute]) await chmod(program, 0o755);
    expect((await refusal(start(pods.client, { tcpdump: fakeTcpdump(dies) }))).message).to.match(
      /ended at once: cannot capture today/,
    );
    const error = await refusal(start(pods.client, { tcpdump: fakeTcpdump(mute), readyTimeoutMs: 300 }));
    expect(error.message).to.match(/tcpdump has not said that it listens/);
    expect(await writersOf(mute)).to.deep.equal([]);
  });

  it('says that tcpdump wrote nothing', async () => {
    const silent = join(folder, 'silent');
    await writeFile(
      silent,
      '#!/bin/sh\ntrap "exit 0" INT\necho "listening on eth0" >&2\nwhile :; do sleep 0.1; done\n',
    );
    await chmod(silent, 0o755);
    const { problems } = await (await start(pods.client, { tcpdump: fakeTcpdump(silent) })).stop();
    expect(problems).to.include('tcpdump wrote no file');
    expect(problems).to.include('tcpdump did not report its counters');
  });

  it('live: requests are seen while it goes on, nothing is written, and nobody is left', async () => {
    const seen: HttpExchange[] = [];
    const exchanges = new HttpExchanges(8080, (exchange) => seen.push(exchange));
    const filter = 'tcp port 8080 or tcp port 8081';
    const live = async (more: Partial<CaptureOptions> = {}) =>
      startLiveCapture({
        argvFor: (argv) => Promise.resolve(pods.command(pods.server, argv)),
        ...{ pod: pods.server, tcpdump: pods.tcpdump, filter, signal: new AbortController().signal },
        onPacket: (packet) => exchanges.packet(packet),
        ...more,
      });
    {
      await using capture = await live();
      await pods.talk({ port: 8080, message: plantedToken, requests: 2, answerBytes: 10 });
      await pollUntil(async () => (seen.length === 2 ? { ready: true } : { pending: `${seen.length} requests` }), {
        what: 'requests',
        timeoutMs: 10_000,
      });
      expect(capture.problems()).to.deep.equal([]);
      expect(await writersOf(filter)).not.to.deep.equal([]);
    }
    expect(await writersOf(filter)).to.deep.equal([]);
    // The answers are no HTTP.
    expect(seen.map(({ path, status }) => [path, status])).to.deep.equal([
      [`/?q=${plantedToken}`, undefined],
      [`/?q=${plantedToken}`, undefined],
    ]);
    await using short = await live({ maxDurationMs: 1000 });
    await pollUntil(async () => (short.problems().length > 0 ? { ready: true } : { pending: 'it goes on' }), {
      what: 'its end',
      timeoutMs: 10_000,
    });
    expect(short.problems().join()).to.match(/its capture ended by itself/);
  });
});
