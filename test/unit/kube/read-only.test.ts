import { expect } from 'chai';
import { KubeApiError } from '../../../src/kube/kube-api-error.ts';
import { readOnlyClient } from '../../../src/kube/read-only.ts';
import { missingRights, rightText, type Right } from '../../../src/kube/rights.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { json, ScriptedApi } from './api-server.ts';

const pod = { namespace: 'shop', name: 'web-1' };

describe('a client that can only read', () => {
  it('writes nothing and runs nothing, whatever is built on it', async () => {
    await using api = await ScriptedApi.start((_, response) => json(response, {}));
    const kube = readOnlyClient(api.client);
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: pod };
    const writes: (() => Promise<unknown>)[] = [
      () => kube.apply([object]),
      () => kube.create(object),
      () => kube.patch('/api/v1/namespaces/shop', {}),
      () => kube.delete('/api/v1/namespaces/shop'),
      () => kube.exec(pod, ['true']),
      () => kube.podHttp(pod, 15000, '/quitquitquit', { method: 'POST' }),
    ];
    for (const write of writes) {
      const error: unknown = await write().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error, String(write)).to.be.instanceOf(TypeError);
    }
    expect(api.asked).to.deep.equal([]);
    await kube.get('/api/v1/nodes');
    expect(api.asked.map(({ method, path }) => `${method} ${path}`)).to.deep.equal(['GET /api/v1/nodes']);
  });

  it('asks again where the server throttles or the connection breaks, and not where it refuses', async () => {
    let calls = 0;
    await using api = await ScriptedApi.start((_, response, socket) => {
      calls++;
      if (calls === 1) json(response, { reason: 'TooManyRequests' }, 429);
      else if (calls === 2) socket.destroy();
      else if (calls === 3) json(response, { reason: 'ServiceUnavailable' }, 503);
      else json(response, { kind: 'PodList', apiVersion: 'v1', items: [{ metadata: pod }], metadata: {} });
    });
    const kube = readOnlyClient(api.client);
    expect(await kube.list('/api/v1/pods')).to.have.length(1);
    expect(calls).to.equal(4);
    await using strict = await ScriptedApi.start((_, response) => json(response, { reason: 'Forbidden' }, 403));
    const refusal: unknown = await readOnlyClient(strict.client)
      .get('/api/v1/pods')
      .catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(KubeApiError).and.to.include({ httpStatus: 403 });
    expect(strict.asked).to.have.length(1);
  });

  it('does not wait for a port that nobody in the pod listens on', async () => {
    let asked = 0;
    const broken = new KubeApiError({ call: 'x', httpStatus: 0, reason: 'PortForwardFailed', message: 'refused' });
    const kube = readOnlyClient({
      podHttp: async () => {
        asked++;
        throw broken;
      },
    } as unknown as KubeClient);
    expect(await kube.podHttp(pod, 15000, '/stats').catch((error: unknown) => error)).to.equal(broken);
    expect(asked).to.equal(1);
  });
});

describe('rights', () => {
  const rights: Right[] = [
    { verb: 'list', resource: 'deployments', group: 'apps', namespace: 'shop', why: 'x' },
    { verb: 'create', resource: 'pods/portforward', namespace: 'shop', why: 'x' },
    { verb: 'get', resource: 'secrets', namespace: 'mesh', name: 'token', why: 'x' },
    { verb: 'list', resource: 'nodes', why: 'x' },
    { verb: 'get', url: '/livez', why: 'x' },
  ];

  it('are asked of the API server one by one; those that it denies are missing, by verb and resource', async () => {
    await using api = await ScriptedApi.start((asked, response) => {
      const { spec } = JSON.parse(asked.body) as { spec: { resourceAttributes?: { resource?: string } } };
      const { resource } = spec.resourceAttributes ?? {};
      json(response, { status: { allowed: resource !== 'pods' && resource !== 'nodes' } });
    });
    api.kinds['/apis/authorization.k8s.io/v1'] = [['selfsubjectaccessreviews', 'SelfSubjectAccessReview', false]];
    const missing = await missingRights(api.client, rights);
    expect(missing.map(rightText)).to.deep.equal([
      'create pods/portforward in namespace shop',
      'list nodes in the whole cluster',
    ]);
    const asked = api.asked.map(({ body }) => (JSON.parse(body) as { spec: object }).spec);
    expect(asked).to.deep.include.members([
      { resourceAttributes: { verb: 'create', resource: 'pods', subresource: 'portforward', namespace: 'shop' } },
      { resourceAttributes: { verb: 'get', resource: 'secrets', namespace: 'mesh', name: 'token' } },
      { nonResourceAttributes: { path: '/livez', verb: 'get' } },
    ]);
  });

  it('are named as kubectl auth can-i would be asked', () => {
    expect(rights.map(rightText)).to.deep.equal([
      'list deployments.apps in namespace shop',
      'create pods/portforward in namespace shop',
      'get secrets token in namespace mesh',
      'list nodes in the whole cluster',
      'get /livez',
    ]);
  });
});
