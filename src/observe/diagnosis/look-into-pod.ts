import { randomBytes } from 'node:crypto';
import { pollUntil } from '../../base/poll.ts';
import { literal } from '../../kube/literal.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';

/** From the API call until the program has ended; the image is on the node already. */
const timeoutMs = 15_000;

/**
 * Runs a shell script once in the network of a pod, as root with NET_ADMIN, by an ephemeral container, and gives what it
 * wrote. The container ends by itself; its name stays in the pod's spec (Kubernetes cannot take it out again).
 *
 * @param image one with busybox and what the script calls
 * @throws MeshproofError where the cluster does not allow such a container, or it does not end in time
 */
export async function lookIntoPod(
  kube: KubeClient,
  pod: { namespace: string; name: string },
  options: { image: string; script: string; signal?: AbortSignal | undefined },
): Promise<string> {
  const path = `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}`;
  const name = `meshproof-look-${randomBytes(3).toString('hex')}`;
  const container = {
    name,
    image: options.image,
    imagePullPolicy: 'IfNotPresent',
    command: ['busybox', 'sh', '-c', literal(options.script)],
    securityContext: {
      runAsUser: 0,
      runAsNonRoot: false,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
    },
  };
  await kube.patch(`${path}/ephemeralcontainers`, { spec: { ephemeralContainers: [container] } }, 'strategic');
  await pollUntil(
    async () => {
      const { status } = await kube.get<KubeObject>(path);
      const seen = (status?.ephemeralContainerStatuses ?? []).find((each: { name: string }) => each.name === name);
      return seen?.state?.terminated ? { ready: true } : { pending: seen?.state?.waiting?.reason ?? 'it runs' };
    },
    { what: `a look into ${pod.namespace}/${pod.name}`, timeoutMs, intervalMs: 200, signal: options.signal },
  );
  return kube.getText(`${path}/log?container=${name}`);
}
