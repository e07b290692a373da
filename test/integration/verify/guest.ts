import { readFileSync, writeFileSync } from 'node:fs';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { pollUntil } from '../../../src/base/poll.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import type { RunningCluster } from '../../../src/clusters/provider.ts';

const account = 'meshproof-verify';

/** The objects that `verify --rbac` printed. */
export function objectsOf(yaml: string): KubeObject[] {
  return parseAllDocuments(yaml).map((document) => document.toJS() as KubeObject);
}

/** The token of the service account that `verify --rbac` makes. */
export async function tokenOf({ kube }: RunningCluster, namespace: string): Promise<string> {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: account, namespace, annotations: { 'kubernetes.io/service-account.name': account } },
    type: 'kubernetes.io/service-account-token',
  };
  await kube.apply([secret]);
  return pollUntil<string>(
    async () => {
      const { data } = await kube.get(`/api/v1/namespaces/${namespace}/secrets/${account}`);
      const { token } = (data ?? {}) as { token?: string };
      return token ? { ready: Buffer.from(token, 'base64').toString() } : { pending: 'the API server has not made it' };
    },
    { what: 'the token', timeoutMs: 30_000 },
  );
}

/** A kubeconfig with that token and nothing else, in a context `reader`. @returns where its server is */
export function writeKubeconfig(
  path: string,
  { kubeconfigPath }: Pick<RunningCluster, 'kubeconfigPath'>,
  { token, server }: { token: string; server?: string | undefined },
): URL {
  const { clusters } = parse(readFileSync(kubeconfigPath, 'utf8')) as { clusters: { cluster: { server: string } }[] };
  const [{ cluster }] = clusters as [{ cluster: { server: string } }];
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'somebodys', cluster: { ...cluster, ...(server !== undefined && { server }) } }],
    users: [{ name: 'reader', user: { token } }],
    contexts: [{ name: 'reader', context: { cluster: 'somebodys', user: 'reader' } }],
  };
  writeFileSync(path, stringify(config), { mode: 0o600 });
  return new URL(cluster.server);
}
