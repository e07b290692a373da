import { expect } from 'chai';
import { createKubeClient } from '../../../src/kube/client.ts';
import { KubeApiError } from '../../../src/kube/kube-api-error.ts';
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
    status = 409;
    expect((await errorOf(api.client.delete('/api/v1/namespaces/a'))).httpStatus).to.equal(409);
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
