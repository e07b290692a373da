import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CertificateAuthority, newSigningKey, type KeyPair } from '../../base/pki.ts';
import { nodeNetwork } from './node-network.ts';

export interface CredentialsOptions {
  /** The lab's directory; files go to `pki/` and `kubeconfigs/` below it. */
  dir: string;
  labId: string;
  /** Of the API server, from the host. */
  hostSideIp: string;
  /** The first is the API server's. */
  nodes: readonly CredentialedNode[];
}

export interface CredentialedNode {
  name: string;
  /** By which the node is reached from others. */
  ip: string;
  /** Its files go to `pki/` and `kubeconfigs/` below it. */
  dir: string;
}

/** Who talks to the API server on its own node, as Kubernetes' own RBAC bootstrap policy knows them. */
const clients = {
  admin: { commonName: 'meshproof-admin', organization: 'system:masters' },
  // All controllers share one client: with a service account for each, a fifth of the API's requests at the start make those.
  // The bootstrap policy has no role for all of them together.
  'controller-manager': { commonName: 'system:kube-controller-manager', organization: 'system:masters' },
  scheduler: { commonName: 'system:kube-scheduler' },
} as const;

/**
 * Makes every key and certificate of a lab: one CA, serving certificates of API server and kubelet, a client
 * certificate for each component (so no tokens in files, and every connection is checked on both sides), the key of
 * service account tokens, and a kubeconfig for each client. `kubeconfig` in the lab's directory is the person's.
 */
export async function writeCredentials(options: CredentialsOptions): Promise<void> {
  const { dir, labId, hostSideIp, nodes } = options;
  const pki = join(dir, 'pki');
  const configs = join(dir, 'kubeconfigs');
  await Promise.all(
    [dir, ...nodes.map((node) => node.dir)].flatMap((each) =>
      ['pki', 'kubeconfigs'].map((name) => mkdir(join(each, name), { recursive: true })),
    ),
  );
  const ca = await CertificateAuthority.create(`meshproof ${labId}`);
  const apiIp = nodes[0]?.ip ?? hostSideIp;
  const pairs: Record<string, Promise<KeyPair>> = {
    ca: Promise.resolve(ca.pair),
    apiserver: ca.issue({
      commonName: 'kube-apiserver',
      usage: 'server',
      dnsNames: [
        'localhost',
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        'kubernetes.default.svc.cluster.local',
      ],
      ips: [...new Set(['127.0.0.1', hostSideIp, apiIp, '10.96.0.1'])],
    }),
    'apiserver-kubelet': ca.issue({
      commonName: 'kube-apiserver-kubelet-client',
      organization: 'system:masters',
      usage: 'client',
    }),
  };
  const writePair = async (path: string, pair: Promise<KeyPair>): Promise<void> => {
    const { certificate, key } = await pair;
    await Promise.all([secret(`${path}.crt`, certificate), secret(`${path}.key`, key)]);
  };
  const writes = Object.entries(pairs).map(([name, pair]) => writePair(join(pki, name), pair));
  const signing = newSigningKey().then(({ privateKey, publicKey }) =>
    Promise.all([secret(join(pki, 'sa.key'), privateKey), secret(join(pki, 'sa.pub'), publicKey)]),
  );
  const client = async (name: string, path: string, subject: Subject, host: string): Promise<void> => {
    const pair = await ca.issue({ ...subject, usage: 'client' });
    const server = `https://${host}:${nodeNetwork.apiPort}`;
    // Unique user names: client-node caches credentials by user name across kubeconfigs.
    await secret(
      path,
      kubeconfigOf({ cluster: `meshproof-${labId}`, user: `${name}-${labId}`, server, ca: ca.pair.certificate, pair }),
    );
  };
  const people = Object.entries(clients).map(([name, subject]) =>
    name === 'admin'
      ? client(name, join(dir, 'kubeconfig'), subject, hostSideIp)
      : client(name, join(configs, name), subject, '127.0.0.1'),
  );
  const ofNodes = nodes.flatMap((node, index) => {
    const user = { commonName: `system:node:${node.name}`, organization: 'system:nodes' };
    const config = (name: string): string => join(node.dir, 'kubeconfigs', name);
    const host = index === 0 ? '127.0.0.1' : apiIp;
    return [
      ...(index === 0 ? [] : [secret(join(node.dir, 'pki', 'ca.crt'), ca.pair.certificate)]),
      writePair(
        join(node.dir, 'pki', 'kubelet-server'),
        ca.issue({ ...user, usage: 'server', dnsNames: [node.name], ips: [node.ip, '127.0.0.1'] }),
      ),
      client('kubelet', config('kubelet'), user, host),
      client('proxy', config('proxy'), { commonName: 'system:kube-proxy' }, host),
    ];
  });
  await Promise.all([...writes, signing, ...people, ...ofNodes]);
}

interface Subject {
  commonName: string;
  organization?: string;
}

/** A kubeconfig with everything inside; JSON is YAML. */
export function kubeconfigOf(options: {
  cluster: string;
  user: string;
  server: string;
  ca: string;
  pair: KeyPair;
}): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const { cluster, user, server, ca, pair } = options;
  return JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: cluster, cluster: { server, 'certificate-authority-data': base64(ca) } }],
      users: [
        {
          name: user,
          user: { 'client-certificate-data': base64(pair.certificate), 'client-key-data': base64(pair.key) },
        },
      ],
      contexts: [{ name: cluster, context: { cluster, user } }],
      'current-context': cluster,
    },
    null,
    2,
  );
}

function secret(path: string, content: string): Promise<void> {
  return writeFile(path, content, { mode: 0o600 });
}
