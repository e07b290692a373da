import { deployment } from '../kube/deployment.ts';
import type { KubeObject } from '../kube/types.ts';
import type { ImageMap } from '../images/image.ts';

/** Name of the client that asks and loads: a service account, and so an identity in the mesh. */
export const clientName = 'loadgen';
const probeName = 'probe';
export const probeContainer = 'probe';
/** Label selector of the probe pods. */
export const probeLabels = `app=${clientName},app.kubernetes.io/component=${probeName}`;

/** A pod with Node and busybox and the client's identity: asks the same questions inside and outside the mesh. */
export function probeDeployment(namespace: string, images: ImageMap): KubeObject[] {
  const labels = { app: clientName, 'app.kubernetes.io/component': probeName };
  const image = images['probe'];
  if (image === undefined) throw new TypeError('the image map has no probe');
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: clientName, namespace } },
    deployment(
      { name: probeName, namespace, labels },
      {
        serviceAccountName: clientName,
        terminationGracePeriodSeconds: 1,
        securityContext: { runAsNonRoot: true, runAsUser: 1000 },
        containers: [
          {
            name: probeContainer,
            image: image.ref,
            imagePullPolicy: 'IfNotPresent',
            // Ends on SIGTERM, unlike a bare sleep as process 1.
            command: ['/bin/sh', '-c', 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done'],
            resources: { requests: { cpu: '5m', memory: '16Mi' } },
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          },
        ],
      },
    ),
  ];
}
