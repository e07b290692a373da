import { loadKubeConfig } from '../kube/kube-config.ts';
import type { KubeClient, KubeObject } from '../kube/types.ts';

const isSecret = /pass|pwd|token|secret|credential|private|api.?key|\.key$|_key$|^key$|dsn|connection/i;

/**
 * Values that must not leave a lab: what its Secrets hold under a name of a password, token or key (not the user names and
 * certificates beside them), and the key with which meshproof speaks to its API server. For `Evidence.addSecret`.
 */
export async function labSecrets(lab: { kube: KubeClient; kubeconfigPath: string }): Promise<string[]> {
  const secrets = await lab.kube.list<KubeObject>('/api/v1/secrets');
  const held = secrets.flatMap(({ data }) =>
    Object.entries((data ?? {}) as Record<string, string>)
      .filter(([name]) => isSecret.test(name))
      .map(([, value]) => Buffer.from(value, 'base64').toString()),
  );
  const user = loadKubeConfig(lab.kubeconfigPath).getCurrentUser();
  const key = user?.keyData === undefined ? undefined : Buffer.from(user.keyData, 'base64').toString();
  return [...held, user?.token, user?.password, key].filter((value) => value !== undefined && value !== '') as string[];
}
