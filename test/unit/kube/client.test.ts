import { expect } from 'chai';
import { createKubeClient } from '../../../src/kube/client.ts';
import { KubeApiError, parseRetryAfter } from '../../../src/kube/kube-api-error.ts';
import { MeshproofError } from '../../../src/base/errors.ts';
import { json, kubeconfigFor, ScriptedApi } from './api-server.ts';

async function errorOf(work: Promise<unknown>): Promise<KubeApiError> {
  try {
    await work;
  } catch (error) {
    return error as KubeApiError;
  }
  throw new Error('nothing was thrown');
}

describe('Kubernetes client', () => {
  it('sends objects as they are, fields no model knows included', async () => {
    await using api = await ScriptedApi.start((asked, response) => json(response, JSON.parse(asked.body)));
    const policy = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'only-viewer', namespace: 'a' },
      spec: { ingress: [{ from: [{ podSelector: {} }] }], futureField: 1 },
    };
    await api.client.apply([policy]);
    const [asked] = api.asked;
    expect(asked?.method).to.equal('PATCH');
    expect(asked?.path).to.equal(
      '/apis/networking.k8s.io/v1/namespaces/a/networkpolicies/only-viewer?fieldManager=meshproof&force=true',
    );
    expect(asked?.headers['content-type']).to.equal('application/apply-patch+yaml');
    expect(JSON.parse(asked?.body ?? '')).to.deep.equal(policy);
  });

  it('patches with a merge patch unless told, so that custom resources accept it', async () => {
    await using api = await ScriptedApi.start((_, response) => json(response, {}));
    await api.client.patch('/api/v1/nodes/n', { spec: {} });
    await api.client.patch('/api/v1/nodes/n', [], 'json');
    expect(api.asked.map(({ headers }) => headers['content-type'])).to.deep.equal([
      'application/merge-patch+json',
      'application/json-patch+json',
    ]);
  });

  it('gives the reason and status of a refusal', async () => {
    await using api = await ScriptedApi.start((_, response) =>
      json(response, { kind: 'Status', reason: 'Forbidden', message: 'pods is forbidden' }, 403),
    );
    const error = await errorOf(api.client.get('/api/v1/pods'));
    expect(error).to.be.instanceOf(KubeApiError).and.to.be.instanceOf(MeshproofError);
    expect({ code: error.code, reason: error.reason, httpStatus: error.httpStatus }).to.deep.equal({
      code: 'MESHPROOF_KUBE_API',
      reason: 'Forbidden',
      httpStatus: 403,
    });
    expect(error.message).to.contain('pods is forbidden').and.to.contain('GET /api/v1/pods');
  });

  it('waits for an answer however long it may take, and not until a timer of Node overflows', async () => {
    await using api = await ScriptedApi.start((_, response) => {
      setTimeout(() => json(response, { kind: 'Pod' }), 30);
    });
    expect(await api.client.get('/api/v1/pods', { timeoutMs: 597 * 3_600_000 })).to.deep.equal({ kind: 'Pod' });
  });

  it('takes an answer that is no Status for what it is', async () => {
    await using api = await ScriptedApi.start((_, response) => response.writeHead(502).end('bad gateway'));
    const error = await errorOf(api.client.get('/x'));
    expect([error.reason, error.httpStatus]).to.deep.equal(['HTTP502', 502]);
  });

  it('gives up on a server that accepts and never answers', async () => {
    await using api = await ScriptedApi.start(() => {});
    expect((await errorOf(api.client.get('/api', { timeoutMs: 50 }))).code).to.equal('MESHPROOF_KUBE_TIMEOUT');
  });

  it('gives up on a server that stops in the middle of its answer', async () => {
    await using api = await ScriptedApi.start((_, response) => response.writeHead(200).write('{"items":'));
    expect((await errorOf(api.client.get('/api', { timeoutMs: 50 }))).code).to.equal('MESHPROOF_KUBE_TIMEOUT');
  });

  it('names a connection that is refused', async () => {
    const client = createKubeClient({ kubeconfig: kubeconfigFor('http://127.0.0.1:1') });
    const error = await errorOf(client.get('/api'));
    expect([error.code, error.reason, error.httpStatus]).to.deep.equal(['MESHPROOF_KUBE_API', 'ECONNREFUSED', 0]);
  });

  it('uses one connection again and again, and a new one when the server has dropped it', async () => {
    let dropNext = false;
    await using api = await ScriptedApi.start((_, response, socket) => {
      if (dropNext) {
        dropNext = false;
        socket.resetAndDestroy();
      } else json(response, { ok: true });
    });
    for (let i = 0; i < 5; i++) await api.client.get('/api');
    expect(api.connections).to.equal(1);
    dropNext = true;
    expect(await api.client.get<unknown>('/api')).to.deep.equal({ ok: true });
    expect(api.connections).to.equal(2);
  });

  it('does not send a POST twice when its connection breaks', async () => {
    await using api = await ScriptedApi.start((asked, response, socket) => {
      if (asked.method === 'POST') socket.resetAndDestroy();
      else json(response, {});
    });
    await api.client.get('/api');
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } };
    expect((await errorOf(api.client.create(object))).reason).to.equal('ECONNRESET');
    expect(api.asked.filter(({ method }) => method === 'POST')).to.have.length(1);
  });

  it('reads a list page by page and gives each item its kind', async () => {
    await using api = await ScriptedApi.start((asked, response) => {
      const next = new URL(asked.path, 'http://x').searchParams.get('continue');
      json(response, {
        kind: 'PodList',
        apiVersion: 'v1',
        metadata: next ? {} : { continue: 'more' },
        items: [{ metadata: { name: next ? 'b' : 'a' } }],
      });
    });
    const pods = await api.client.list('/api/v1/pods', 'app=web');
    expect(pods.map(({ kind, metadata }) => [kind, metadata.name])).to.deep.equal([
      ['Pod', 'a'],
      ['Pod', 'b'],
    ]);
    expect(api.asked[0]?.path).to.contain('labelSelector=app%3Dweb');
  });

  it('counts a deletion of what is gone as done, and nothing else', async () => {
    let status = 404;
    await using api = await ScriptedApi.start((_, response) => json(response, { reason: 'Whatever' }, status));
    await api.client.delete('/api/v1/namespaces/a');
    status = 403;
    expect((await errorOf(api.client.delete('/api/v1/namespaces/a'))).httpStatus).to.equal(403);
  });

  const networkPolicy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'x', namespace: 'a' },
  };

  it('repeats what can be repeated while the API server stumbles, and nothing else', async () => {
    let failures: number[] = [];
    await using api = await ScriptedApi.start((_, response) => {
      const status = failures.shift() ?? 200;
      json(response, status === 200 ? {} : { reason: 'Whatever' }, status);
    });
    const times = async (work: () => Promise<unknown>, ...statuses: number[]): Promise<number> => {
      failures = statuses;
      api.asked.length = 0;
      await work().catch(() => undefined);
      return api.asked.length;
    };
    expect(await times(() => api.client.apply([networkPolicy]), 500, 409, 429)).to.equal(4);
    expect(await times(() => api.client.apply([networkPolicy]), 422)).to.equal(1);
    expect(await times(() => api.client.delete('/api/v1/pods/p'), 503)).to.equal(2);
    expect(await times(() => api.client.create(networkPolicy), 500)).to.equal(1);
    expect(await times(() => api.client.get('/api'), 500)).to.equal(1);
  });

  it('comes again when it was told to, whatever it wanted', async () => {
    const refusals = [429, 503];
    await using api = await ScriptedApi.start((_, response) => {
      const status = refusals.shift();
      if (status !== undefined) return response.writeHead(status, { 'retry-after': '0' }).end();
      json(response, {});
    });
    await api.client.create(networkPolicy);
    expect(api.asked.map(({ method }) => method)).to.deep.equal(['POST', 'POST', 'POST']);
  });

  it('does not come again later than its own deadline', async () => {
    await using api = await ScriptedApi.start((_, response) => response.writeHead(429, { 'retry-after': '60' }).end());
    const error = await errorOf(api.client.get('/api'));
    expect(error).to.include({ httpStatus: 429, retryable: true, retryAfterMs: 60_000 });
    expect(api.asked).to.have.length(1);
  });

  for (const [what, options, retryable] of [
    ['too many requests', { httpStatus: 429, reason: 'TooManyRequests' }, true],
    ['an internal error', { httpStatus: 500, reason: 'InternalError' }, true],
    ['a gateway in between', { httpStatus: 502, reason: 'HTTP502' }, true],
    ['a conflict', { httpStatus: 409, reason: 'Conflict' }, true],
    ['a name that is taken', { httpStatus: 409, reason: 'AlreadyExists' }, false],
    [
      'another object of that name',
      {
        httpStatus: 409,
        reason: 'Conflict',
        message: 'Precondition failed: UID in precondition: a, UID in object meta: b',
      },
      false,
    ],
    ['a connection refused', { httpStatus: 0, reason: 'ECONNREFUSED' }, true],
    ['a connection reset', { httpStatus: 0, reason: 'ECONNRESET' }, true],
    ['a stream that broke', { httpStatus: 0, reason: 'StreamClosed' }, true],
    ['a name that does not resolve', { httpStatus: 0, reason: 'ENOTFOUND' }, false],
    ['a certificate of another', { httpStatus: 0, reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, false],
    ['nothing there', { httpStatus: 404, reason: 'NotFound' }, false],
    ['no permission', { httpStatus: 403, reason: 'Forbidden' }, false],
    ['a bad object', { httpStatus: 422, reason: 'Invalid' }, false],
  ] as const) {
    it(`takes ${what} for something that ${retryable ? 'may pass' : 'stays'}`, () => {
      expect(new KubeApiError({ call: 'GET /x', message: '', ...options }).retryable).to.equal(retryable);
    });
  }

  it('reads Retry-After in both of its forms', () => {
    const now = Date.parse('2026-05-01T12:00:00Z');
    expect(parseRetryAfter('3', now)).to.equal(3000);
    expect(parseRetryAfter('Fri, 01 May 2026 12:00:07 GMT', now)).to.equal(7000);
    expect(parseRetryAfter('Fri, 01 May 2026 11:00:00 GMT', now)).to.equal(0);
    for (const none of [undefined, '', 'soon']) expect(parseRetryAfter(none, now)).to.equal(undefined);
  });

  for (const [what, kubeconfig] of [
    ['a file that is not there', '/nonexistent/kubeconfig'],
    ['text that is no YAML', 'a: [\n'],
    ['a kubeconfig without a cluster', 'apiVersion: v1\nkind: Config\n'],
  ] as const) {
    it(`refuses ${what} as a usage error`, () => {
      expect(() => createKubeClient({ kubeconfig }))
        .to.throw(MeshproofError)
        .with.property('code', 'MESHPROOF_USAGE');
    });
  }
});
