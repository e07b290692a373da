import { MeshproofError } from '../../base/errors.ts';
import { containerLog } from '../../kube/pod-log.ts';
import type { KubeClient } from '../../kube/types.ts';
import { isLive } from '../meshed-pod.ts';
import { istiodPods, type IstioInstallation } from './installation.ts';

const logLines = 6;

/**
 * What kept a control plane from getting ready in time, with what istiod wrote last: a pod that runs and is not ready says
 * nothing by its status. Other errors are given back as they are.
 */
export async function withIstiodLog(
  error: unknown,
  kube: KubeClient,
  { namespace, deployment, revision }: Pick<IstioInstallation, 'namespace' | 'deployment' | 'revision'>,
): Promise<unknown> {
  if (!(error instanceof MeshproofError) || error.code !== 'MESHPROOF_WORKLOAD_NOT_READY') return error;
  // A log is a help, not a must: what is wrong is known without it.
  const pods = await kube.list(`/api/v1/namespaces/${namespace}/pods`, istiodPods(revision)).catch(() => []);
  const logs = await Promise.all(
    pods
      .filter(isLive)
      .map(({ metadata: { name } }) =>
        containerLog(kube, { namespace, name }, 'discovery', { tailLines: logLines }).catch(() => ''),
      ),
  );
  const said = logs.join('').trim();
  return new MeshproofError(
    'MESHPROOF_MESH_NOT_READY',
    `${error.message}${said === '' ? '' : `; istiod wrote last:\n${said}`}`,
    `Look at it: kubectl -n ${namespace} describe deployment/${deployment}, and its pods’ logs.`,
    { cause: error },
  );
}
