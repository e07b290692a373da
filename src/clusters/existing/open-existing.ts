import { MeshproofError } from '../../base/errors.ts';
import { createKubeClient } from '../../kube/client.ts';
import { isHttpStatus } from '../../kube/kube-api-error.ts';
import { namedContext, type ContextOptions, type NamedContext } from '../../kube/named-context.ts';
import { readOnlyClient } from '../../kube/read-only.ts';
import { missingRights, type Right } from '../../kube/rights.ts';
import type { KubeClient } from '../../kube/types.ts';

/** A cluster that meshproof did not make, to be looked at: nothing can be written through it. */
export interface ExistingCluster extends NamedContext, Disposable {
  kube: KubeClient;
  kubernetesVersion: string;
  /** Which of these the user of the context lacks; the API server's own answer. */
  missing(rights: readonly Right[]): Promise<Right[]>;
}

/**
 * Connects to the cluster of a context that is named.
 *
 * @throws MeshproofError MESHPROOF_USAGE, MESHPROOF_CREDENTIALS, MESHPROOF_KUBE_API when its API server cannot be reached
 */
export async function openExisting(options: ContextOptions): Promise<ExistingCluster> {
  const named = await namedContext(options);
  const { kubeconfigPath: kubeconfig, context } = named;
  const writable = createKubeClient({ kubeconfig, context, env: options.env });
  const kube = readOnlyClient(writable);
  try {
    const { gitVersion } = await kube.get<{ gitVersion: string }>('/version');
    // `/version` is told to everybody; a review only to who is known.
    const missing = (rights: readonly Right[]): Promise<Right[]> =>
      missingRights(writable, rights).catch((error: unknown) => {
        throw isHttpStatus(error, 401) ? refused(context, error) : error;
      });
    return { ...named, kube, kubernetesVersion: gitVersion, missing, [Symbol.dispose]: () => kube.close() };
  } catch (error) {
    kube.close();
    throw isHttpStatus(error, 401) ? refused(context, error) : error;
  }
}

function refused(context: string, cause: unknown): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_CREDENTIALS',
    `The API server does not accept the credentials of the context ${context}: they are wrong, revoked or expired`,
    'Log in again, or have a new kubeconfig made (`kubectl create token` for a service account).',
    { cause },
  );
}
