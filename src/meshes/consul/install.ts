import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { pollUntil, type Look } from '../../base/poll.ts';
import { MeshproofError, type ErrorCode } from '../../base/errors.ts';
import { getIfThere } from '../../kube/get-if-there.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import type { MeshContext } from '../adapter.ts';
import { canLogIn, setUpLogin, type Reviewer } from './acl.ts';
import { consulApi, ConsulApiError, type ConsulApi } from './api.ts';
import { consulNamespace, serverName } from './names.ts';
import { createMeshAuthority } from './mesh-authority.ts';
import { createServerTls } from './server-tls.ts';
import { reviewerSecret, secretName, secretsOf, serverObjects, type ServerSecrets } from './server.ts';

const readyTimeoutMs = 90_000;

/** The control plane that is up: how to talk to it, and what pods need to trust it. */
export interface ControlPlane {
  api: ConsulApi;
  caPem: string;
  version: string;
  trustDomain: string;
}

/** Applies the server's objects, with the secrets of the one a lab has already; it need not answer yet. */
export async function startServer({ kube }: MeshContext, image: string, clock: Clock): Promise<ServerSecrets> {
  const secrets = (await existingSecrets(kube)) ?? {
    managementToken: randomUUID(),
    tls: await createServerTls(clock.now()),
    authority: await createMeshAuthority(clock.now()),
  };
  await kube.apply(serverObjects({ image, ...secrets }));
  return secrets;
}

/**
 * Waits for the server and sets it up.
 *
 * @param beforeLogin what a server that is new is told before the first pod can log in
 */
export async function setUpServer(
  { kube, signal }: Pick<MeshContext, 'kube' | 'signal'>,
  secrets: ServerSecrets,
  beforeLogin: (api: ConsulApi) => Promise<void>,
): Promise<ControlPlane> {
  const api = consulApi(kube, secrets.managementToken);
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
      await api.put('/v1/config', { Kind: 'proxy-defaults', Name: 'global', Config: { protocol: 'http' } });
      if (!(await canLogIn(api))) await beforeLogin(api);
      await setUpLogin(api, reviewer);
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
  return { api, caPem: secrets.tls.caPem, trustDomain, version: await versionOf(api) };
}

/**
 * The server that a lab has, as it is; nothing is changed.
 *
 * @throws MeshproofError MESHPROOF_MESH_NOT_READY when there is none, or it does not answer
 */
export async function findServer(kube: KubeClient): Promise<ControlPlane> {
  const secrets = await existingSecrets(kube);
  if (secrets === undefined) {
    throw new MeshproofError(
      'MESHPROOF_MESH_NOT_READY',
      `There is no Consul in namespace ${consulNamespace}`,
      'Make the lab with `./bin/meshproof up`.',
    );
  }
  const api = consulApi(kube, secrets.managementToken);
  const roots = await api.get<{ TrustDomain: string }>('/v1/connect/ca/roots');
  return { api, caPem: secrets.tls.caPem, trustDomain: roots?.TrustDomain ?? '', version: await versionOf(api) };
}

async function versionOf(api: ConsulApi): Promise<string> {
  const self = await api.get<{ Config: { Version: string } }>('/v1/agent/self');
  return self?.Config.Version ?? 'unknown';
}

async function existingSecrets(kube: KubeClient): Promise<ServerSecrets | undefined> {
  const secret = await getIfThere(kube, `/api/v1/namespaces/${consulNamespace}/secrets/${secretName}`);
  if (secret === undefined) return undefined;
  const secrets = secretsOf(secret.data ?? {});
  if (secrets) return secrets;
  throw new MeshproofError(
    'MESHPROOF_MESH_NOT_READY',
    'The Consul of this lab was set up by another version of meshproof',
    'Delete the lab (`./bin/meshproof down`) and make it again.',
  );
}
