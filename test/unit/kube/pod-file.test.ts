import { createHash, randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { completeLines } from '../../../src/base/complete-lines.ts';
import { MeshproofError } from '../../../src/base/errors.ts';
import { pollUntil } from '../../../src/base/poll.ts';
import { readPodFile } from '../../../src/kube/pod-file.ts';
import { acceptWebsocket, frame, ScriptedApi } from './api-server.ts';

const file = { pod: { namespace: 'a', name: 'p' }, container: 'k6', path: '/work/samples.csv' };
const content = Array.from({ length: 20_000 }, (_, index) => `${index},0,${1000 + index * 7},5.250,200,0,1\n`).join('');
const packed = gzipSync(content);
const sha256 = createHash('sha256').update(content).digest('hex');
const success = JSON.stringify({ status: 'Success' });
const missing = JSON.stringify({
  status: 'Failure',
  reason: 'NonZeroExitCode',
  details: { causes: [{ reason: 'ExitCode', message: '1' }] },
});

interface Attempt {
  data?: Buffer;
  hash?: string;
  status?: string;
  /** The connection dies after the data, before any status. */
  dies?: boolean;
}

describe('files of containers', () => {
  /** An API server whose exec streams bring this, attempt by attempt. */
  function serve(...attempts: Attempt[]): Promise<ScriptedApi> {
    return ScriptedApi.start(
      () => {},
      (asked, socket) => {
        const { data = packed, hash = sha256, status = success, dies = false } = attempts.shift() ?? {};
        acceptWebsocket(asked, socket, 'v5.channel.k8s.io', () => {
          const frames = [frame(2, `${hash}  ${file.path}\n`)];
          for (let at = 0; at < data.length; at += 120) frames.push(rawFrame(1, data.subarray(at, at + 120)));
          socket.write(Buffer.concat(frames), () => (dies ? socket.destroy() : socket.write(longFrame(3, status))));
        });
      },
    );
  }
  const read = <T>(api: ScriptedApi, consume: (bytes: AsyncIterable<Buffer>) => Promise<T>) =>
    readPodFile(api.client, file, consume, { timeoutMs: 40_000 });
  const errorOf = (work: Promise<unknown>): Promise<MeshproofError> =>
    work.then(
      () => expect.fail('it did not throw'),
      (error: MeshproofError) => error,
    );

  it('arrive as they are', async () => {
    await using api = await serve({});
    expect(await read(api, text)).to.equal(content);
  });

  for (const [what, attempt] of [
    ['dies in the middle', { data: packed.subarray(0, 5000), dies: true }],
    ['ends too early, and calls it success', { data: packed.subarray(0, 5000) }],
    ['brings other bytes', { data: gzipSync(content.replace('7', '8')) }],
    ['brings what is no gzip', { data: Buffer.from('tar: removing leading /') }],
    ['brings nothing', { data: Buffer.alloc(0) }],
  ] as [string, Attempt][]) {
    it(`are read anew, from the start, when the stream ${what}`, async () => {
      await using api = await serve(attempt, {});
      let reads = 0;
      const lines = await read(api, async (bytes) => {
        reads++;
        const seen: string[] = [];
        for await (const line of completeLines(bytes)) seen.push(line);
        return seen;
      });
      expect(lines).to.have.length(20_000);
      expect(reads).to.equal(2);
    });
  }

  it('that never arrive whole are an error with the reason', async () => {
    await using api = await serve(...Array.from({ length: 50 }, () => ({ hash: '0'.repeat(64) })));
    const error = await errorOf(readPodFile(api.client, file, text, { timeoutMs: 800 }));
    expect(error.code).to.equal('MESHPROOF_KUBE_API');
    expect(error.message)
      .to.contain('/work/samples.csv in container k6 of a/p')
      .and.to.contain('its hash does not fit');
  });

  it('that are not there are an error at once', async () => {
    await using api = await serve({ data: Buffer.alloc(0), hash: 'sha256sum: no such file', status: missing }, {});
    const error = await errorOf(read(api, text));
    expect(error.message).to.contain('cannot be read').and.to.contain('no such file');
  });

  it('whose reader throws are not read again', async () => {
    await using api = await serve({}, {});
    let reads = 0;
    const error = await errorOf(
      read(api, async (bytes) => {
        for await (const chunk of bytes) if (chunk.length > 0 && ++reads > 0) throw new SyntaxError('no sample');
      }),
    );
    expect([error.message, reads]).to.deep.equal(['no sample', 1]);
  });

  it('slow the sender down when their reader is slow', async () => {
    // More than what a kernel holds back for a reader on loopback.
    const large = gzipSync(randomBytes(24_000_000), { level: 0 });
    const hash = createHash('sha256').update(gunzipSync(large)).digest('hex');
    let sent = 0;
    await using api = await ScriptedApi.start(
      () => {},
      (asked, socket) => {
        const next = (): void => {
          if (sent >= large.length) return void socket.write(longFrame(3, success));
          const piece = large.subarray(sent, sent + 60_000);
          sent += piece.length;
          socket.write(longFrame(1, piece), next);
        };
        acceptWebsocket(asked, socket, 'v5.channel.k8s.io', () => socket.write(frame(2, `${hash}  x\n`), next));
      },
    );
    let goOn = (): void => {};
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const reading = read(api, async (bytes) => {
      let length = 0;
      for await (const chunk of bytes) {
        if (length === 0) await held;
        length += chunk.length;
      }
      return length;
    });
    let before = -1;
    await pollUntil(
      async () => {
        const stuck = sent > 0 && sent === before;
        before = sent;
        return stuck ? { ready: true } : { pending: `${sent} bytes sent` };
      },
      { what: 'the sender to be held', timeoutMs: 40_000, intervalMs: 100 },
    );
    expect(sent).to.be.lessThan(large.length);
    goOn();
    expect(await reading).to.equal(24_000_000);
  });
});

/** A binary frame of up to 125 bytes. */
function rawFrame(channel: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x82, data.length + 1, channel]), data]);
}

/** A binary frame of up to 64 KiB. */
function longFrame(channel: number, data: string | Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(data.length + 1);
  return Buffer.concat([Buffer.from([0x82, 126]), length, Buffer.from([channel]), Buffer.from(data)]);
}
