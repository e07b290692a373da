import { expect } from 'chai';
import { pollUntil } from '../../../src/base/poll.ts';
import type { KubeApiError } from '../../../src/kube/kube-api-error.ts';
import { acceptWebsocket, frame, json, ScriptedApi } from './api-server.ts';

const pod = { namespace: 'a', name: 'p' };
const success = JSON.stringify({ status: 'Success' });
const failure = JSON.stringify({
  status: 'Failure',
  reason: 'NonZeroExitCode',
  details: { causes: [{ reason: 'ExitCode', message: '3' }] },
});

async function errorOf(work: Promise<unknown>): Promise<KubeApiError> {
  return work.then(
    () => expect.fail('it did not throw'),
    (error: KubeApiError) => error,
  );
}

describe('streams to pods', () => {
  const ways = {
    exec: (api: ScriptedApi, timeoutMs?: number) => api.client.exec(pod, ['ls'], { timeoutMs }),
    'port-forward': (api: ScriptedApi, timeoutMs?: number) => api.client.podHttp(pod, 80, '/', { timeoutMs }),
  };
  for (const [what, open] of Object.entries(ways)) {
    it(`${what} gives up when nobody answers the handshake`, async () => {
      await using api = await ScriptedApi.start(() => {});
      expect((await errorOf(open(api, 50))).code).to.equal('MESHPROOF_KUBE_TIMEOUT');
      // An open handshake would keep the process alive after its verdict.
      await pollUntil(
        async () => (api.sockets.size === 0 ? { ready: true } : { pending: `${api.sockets.size} connections open` }),
        { what: 'the connection to be given up', timeoutMs: 2000, intervalMs: 10 },
      );
    });

    it(`${what} gives up on a stream that opens and stays silent`, async () => {
      await using api = await ScriptedApi.start(
        () => {},
        (asked, socket) => acceptWebsocket(asked, socket, 'v4.channel.k8s.io', () => {}),
      );
      expect((await errorOf(open(api, 100))).code).to.equal('MESHPROOF_KUBE_TIMEOUT');
    });

    it(`${what} fails when the stream dies`, async () => {
      await using api = await ScriptedApi.start(
        () => {},
        (asked, socket) => acceptWebsocket(asked, socket, 'v4.channel.k8s.io', () => socket.destroy()),
      );
      expect((await errorOf(open(api, 5000))).code).to.equal('MESHPROOF_KUBE_API');
    });

    it(`${what} gives the status of a refused handshake`, async () => {
      await using api = await ScriptedApi.start((_, response) =>
        json(response, { kind: 'Status', reason: 'NotFound', message: 'pods "p" not found' }, 404),
      );
      const error = await errorOf(open(api, 5000));
      expect([error.code, error.httpStatus, error.reason]).to.deep.equal(['MESHPROOF_KUBE_API', 404, 'NotFound']);
      expect(error.message).to.contain('pods "p" not found');
      expect(error.retryable).to.equal(false);
    });
  }

  it('port-forward fails at once on a port where nobody listens, however early that is said', async () => {
    await using api = await ScriptedApi.start(
      () => {},
      (asked, socket) => {
        // One packet with the handshake: it is said before the request has begun.
        socket.cork();
        acceptWebsocket(asked, socket, 'v4.channel.k8s.io', () => {});
        const port = '\x50\0';
        socket.write(Buffer.concat([frame(0, port), frame(1, port), frame(1, 'connection refused')]));
        socket.uncork();
      },
    );
    const error = await errorOf(api.client.podHttp(pod, 80, '/', { timeoutMs: 1000 }));
    expect([error.code, error.message]).to.satisfy(
      ([code, message]: string[]) => code === 'MESHPROOF_KUBE_API' && message?.includes('connection refused'),
      error.message,
    );
  });

  it('exec gathers both outputs and the exit code', async () => {
    await using api = await ScriptedApi.start(
      () => {},
      (asked, socket) =>
        acceptWebsocket(asked, socket, 'v5.channel.k8s.io', () => {
          socket.write(Buffer.concat([frame(1, ''), frame(1, 'out'), frame(2, 'err'), frame(255, '\x01')]));
          socket.write(frameOf(failure));
        }),
    );
    expect(await api.client.exec(pod, ['ls'])).to.deep.equal({ stdout: 'out', stderr: 'err', exitCode: 3 });
    expect(process.stdout.writableEnded, 'a CLOSE frame ended our own stdout').to.equal(false);
  });

  it('exec refuses to give input to a server that could not end it', async () => {
    await using api = await ScriptedApi.start(
      () => {},
      (asked, socket) => acceptWebsocket(asked, socket, 'v4.channel.k8s.io', () => {}),
    );
    expect((await errorOf(api.client.exec(pod, ['cat'], { stdin: 'x' }))).reason).to.equal('StdinUnsupported');
  });

  it('exec stops giving input when the program has ended', async () => {
    await using api = await ScriptedApi.start(
      () => {},
      (asked, socket) =>
        acceptWebsocket(asked, socket, 'v5.channel.k8s.io', () => {
          socket.write(frameOf(success));
          socket.pause();
        }),
    );
    const { exitCode } = await api.client.exec(pod, ['true'], { stdin: 'x'.repeat(20_000_000) });
    expect(exitCode).to.equal(0);
  });

  it('exec ends when it is aborted', async () => {
    await using api = await ScriptedApi.start(
      () => {},
      (asked, socket) => acceptWebsocket(asked, socket, 'v5.channel.k8s.io', () => stop.abort(new Error('enough'))),
    );
    const stop = new AbortController();
    expect((await errorOf(api.client.exec(pod, ['ls'], { signal: stop.signal }))).message).to.equal('enough');
  });
});

/** The status channel, in a frame of up to 64 KiB. */
function frameOf(status: string): Buffer {
  if (status.length < 124) return frame(3, status);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(status.length + 1);
  return Buffer.concat([Buffer.from([0x82, 126]), length, Buffer.from([3]), Buffer.from(status)]);
}
