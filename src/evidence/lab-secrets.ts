import { loadKubeConfig } from '../kube/kube-config.ts';
import type { KubeClient, KubeObject } from '../kube/types.ts';

/** Whether what a Secret holds under this name is one; beside it may be user names and certificates. */
export function isSecretName(name: string): boolean {
  return /pass|pwd|token|secret|credential|private|api.?key|\.key$|_key$|^key(\.pem)?$|dsn|connection/i.test(name);
}

/** What Secrets hold under a name of a password, token or key. */
export function secretValues(objects: readonly KubeObject[]): string[] {
  return objects
    .filter(({ kind }) => kind === 'Secret')
    .flatMap(({ data, stringData }) => [
      ...Object.entries((data ?? {}) as Record<string, string>).map(
        ([name, value]) => [name, Buffer.from(value, 'base64').toString()] as const,
      ),
      ...Object.entries((stringData ?? {}) as Record<string, string>),
    ])
    .filter(([name]) => isSecretName(name))
    .map(([, value]) => value);
}

/** Values that must not leave a lab: of its Secrets, and the key with which meshproof speaks to its API server. */
export async function labSecrets(lab: { kube: KubeClient; kubeconfigPath: string }): Promise<string[]> {
  const held = secretValues(await lab.kube.list<KubeObject>('/api/v1/secrets'));
  const user = loadKubeConfig(lab.kubeconfigPath).getCurrentUser();
  const key = user?.keyData === undefined ? undefined : Buffer.from(user.keyData, 'base64').toString();
  return [...held, user?.token, user?.password, key].filter((value) => value !== undefined && value !== '') as string[];
}
