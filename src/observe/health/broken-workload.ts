import { deployment } from '../../kube/deployment.ts';
import type { KubeObject } from '../../kube/types.ts';

/**
 * The control of the health checks, to be put into a namespace of its own: a deployment that crashes again and again, and
 * a pod that no node can take. A health snapshot over this namespace must fail and name both.
 */
export function brokenWorkload(namespace: string, image: string): KubeObject[] {
  const labels = { app: 'crasher' };
  const container = { name: 'broken', image, imagePullPolicy: 'IfNotPresent' };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    deployment(
      { name: 'crasher', namespace, labels },
      {
        automountServiceAccountToken: false,
        containers: [
          { ...container, command: ['busybox', 'sh', '-c', 'exit 3'], securityContext: { runAsUser: 65534 } },
        ],
      },
    ),
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'homeless', namespace },
      spec: {
        automountServiceAccountToken: false,
        nodeSelector: { 'meshproof.dev/no-such-node': 'true' },
        containers: [{ ...container, command: ['busybox', 'sleep', '3600'] }],
      },
    },
  ];
}
