import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CertificateAuthority, newSigningKey, type KeyPair } from '../../base/pki.ts';

export interface CredentialsOptions {
  /** The lab's directory; files go to `pki/` and `kubeconfigs/` below it. */
  dir: string;
  labId: string;
  nodeName: string;
  nodeIp: string;
}

/** Who talks to the API server, as Kubernetes' own RBAC bootstrap policy knows them. */
const clients = {
  admin: { commonName: 'meshproof-admin', organization: 'system:masters' },
  // All controllers share one client: with a service account for each, a fifth of the API's requests at the start make those.
  // The bootstrap policy has no role for all of them together.
  'controller-manager': { commonName: 'system:kube-controller-manager', organization: 'system:masters' },
  scheduler: { commonName: 'system:kube-scheduler' },
  proxy: { commonName: 'system:kube-proxy' },
} as const;

/**
 * Makes every key and certificate of a lab: one CA, serving certificates of API server and kubelet, a client
 * certificate for each component (so no tokens in files, and every connection is checked on both sides), the key of
 * service account tokens, and a kubeconfig for each client. `kubeconfig` in the lab's directory is the person's.
 */
export async function writeCredentials(options: CredentialsOptions): Promise<void> {
  const { dir, labId, nodeName, nodeIp } = options;
  const pki = join(dir, 'pki');
  const configs = join(dir, 'kubeconfigs');
  await Promise.all([mkdir(pki, { recursive: true }), mkdir(configs, { recursive: true })]);
  const ca = await CertificateAuthority.create(`meshproof ${labId}`);
  const nodeUser = { commonName: `system:node:${nodeName}`, organization: 'system:nodes' };
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
      ips: ['127.0.0.1', nodeIp, '10.96.0.1'],
    }),
    'apiserver-kubelet': ca.issue({
      commonName: 'kube-apiserver-kubelet-client',
      organization: 'system:masters',
      usage: 'client',
    }),
    'kubelet-server': ca.issue({ ...nodeUser, usage: 'server', dnsNames: [nodeName], ips: [nodeIp, '127.0.0.1'] }),
  };
  const writes = Object.entries(pairs).map(async ([name, pair]) => {
    const { certificate, key } = await pair;
    await Promise.all([secret(join(pki, `${name}.crt`), certificate), secret(join(pki, `${name}.key`), key)]);
  });
  const signing = newSigningKey().then(({ privateKey, publicKey }) =>
    Promise.all([secret(join(pki, 'sa.key'), privateKey), secret(join(pki, 'sa.pub'), publicKey)]),
  );
  const people = [...Object.entries(clients), ['kubelet', nodeUser] as const].map(async ([name, subject]) => {
    const pair = await ca.issue({ ...subject, usage: 'client' });
    const server = `https://${name === 'admin' ? nodeIp : '127.0.0.1'}:6443`;
    const path = name === 'admin' ? join(dir, 'kubeconfig') : join(configs, name);
    // Unique user names: client-node caches credentials by user name across kubeconfigs.
    await secret(
      path,
      kubeconfigOf({ cluster: `meshproof-${labId}`, user: `${name}-${labId}`, server, ca: ca.pair.certificate, pair }),
    );
  });
  await Promise.all([...writes, signing, ...people]);
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
