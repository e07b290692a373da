import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { pollUntil, type Look } from '../../base/poll.ts';
import type { ErrorCode } from '../../base/errors.ts';
import { isHttpStatus } from '../../kube/kube-api-error.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import type { MeshContext } from '../adapter.ts';
import { setUpLogin, type Reviewer } from './acl.ts';
import { consulApi, ConsulApiError, type ConsulApi } from './api.ts';
import { consulNamespace, serverName } from './names.ts';
import { createServerTls, type ServerTls } from './server-tls.ts';
import { reviewerSecret, secretName, serverObjects } from './server.ts';

const readyTimeoutMs = 90_000;

/** The control plane that is up: how to talk to it, and what pods need to trust it. */
export interface ControlPlane {
  api: ConsulApi;
  caPem: string;
  version: string;
  trustDomain: string;
}

/** Brings the server up, or finds the one a lab has already. */
export async function installControlPlane(context: MeshContext, image: string, clock: Clock): Promise<ControlPlane> {
  const { kube, signal } = context;
  const { token, tls } = (await existingSecret(kube)) ?? {
    token: randomUUID(),
    tls: await createServerTls(clock.now()),
  };
  await kube.apply(serverObjects({ image, managementToken: token, tls }));
  const api = consulApi(kube, token);
  const wait = <T>(what: string, look: () => Promise<Look<T>>): Promise<T> =>
    pollUntil(look, {
      what,
      timeoutMs: readyTimeoutMs,
      signal,
      code: 'MESHPROOF_MESH_NOT_READY' satisfies ErrorCode,
      hint: `Look at the server: kubectl -n ${consulNamespace} logs deployment/${serverName}`,
    });
  await wait('Consul has a leader', async () => {
    const leader = await api.get<string>('/v1/status/leader');
    return leader ? { ready: leader } : { pending: 'no leader yet' };
  });
  const reviewer = await wait<Reviewer>('the token reviewer has its token', async () => {
    const { data } = await kube.get<KubeObject>(`/api/v1/namespaces/${consulNamespace}/secrets/${reviewerSecret}`);
    if (!data?.token) return { pending: 'the API server has not made it yet' };
    const text = (value: string): string => Buffer.from(value, 'base64').toString();
    return { ready: { jwt: text(data.token), caPem: text(data['ca.crt']) } };
  });
  // ACLs are bootstrapped a moment after the election; until then the token has no rights.
  await wait('Consul takes its configuration', async () => {
    try {
      await setUpLogin(api, reviewer);
      await api.put('/v1/config', { Kind: 'proxy-defaults', Name: 'global', Config: { protocol: 'http' } });
      return { ready: true };
    } catch (error) {
      if (error instanceof ConsulApiError && error.status === 403) return { pending: error.message };
      throw error;
    }
  });
  const trustDomain = await wait<string>('Consul has a certificate authority', async () => {
    const roots = await api.get<{ TrustDomain: string }>('/v1/connect/ca/roots');
    return roots?.TrustDomain ? { ready: roots.TrustDomain } : { pending: 'no trust domain yet' };
  });
  await wait('the Consul server is ready', async () => {
    const { status } = await kube.get<KubeObject>(
      `/apis/apps/v1/namespaces/${consulNamespace}/deployments/${serverName}`,
    );
    return status?.readyReplicas ? { ready: true } : { pending: 'its readiness probe fails' };
  });
  const self = await api.get<{ Config: { Version: string } }>('/v1/agent/self');
  return { api, caPem: tls.caPem, trustDomain, version: self?.Config.Version ?? 'unknown' };
}

async function existingSecret(kube: KubeClient): Promise<{ token: string; tls: ServerTls } | undefined> {
  try {
    const { data } = await kube.get<KubeObject>(`/api/v1/namespaces/${consulNamespace}/secrets/${secretName}`);
    const text = (key: string): string => Buffer.from(data[key], 'base64').toString();
    return {
      token: text('token'),
      tls: { caPem: text('ca.pem'), certificatePem: text('server.pem'), keyPem: text('server-key.pem') },
    };
  } catch (error) {
    if (isHttpStatus(error, 404)) return undefined;
    throw error;
  }
}
