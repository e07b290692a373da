import { readFileSync } from 'node:fs';
import type { Plan } from '../../fixtures/k6/plan.ts';
import { literal } from '../kube/literal.ts';
import type { KubeObject } from '../kube/types.ts';

export const loadContainer = 'k6';
export const workDir = '/meshproof/work';
const scriptDir = '/meshproof/load';

export interface LoadPodOptions {
  name: string;
  namespace: string;
  /** Service account and `app` label: the identity in the mesh. */
  client: string;
  image: string;
  plan: Plan;
}

/** The k6 script as it goes into the pod. */
export function k6Script(): string {
  return readFileSync(new URL('../../fixtures/k6/load.ts', import.meta.url), 'utf8');
}

/** The load container's first process. */
export function loadScript(): string {
  return readFileSync(new URL('load.sh', import.meta.url), 'utf8');
}

/** Plain, unmeshed objects of one load pod. */
export function loadPodObjects(options: LoadPodOptions): KubeObject[] {
  const { name, namespace, client, image, plan } = options;
  const labels = {
    app: client,
    'app.kubernetes.io/name': client,
    'app.kubernetes.io/managed-by': 'meshproof',
    'meshproof.dev/role': 'load',
  };
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace, labels },
      data: { 'load.ts': k6Script(), 'plan.json': JSON.stringify(plan) },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels },
      spec: {
        serviceAccountName: client,
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 2,
        containers: [
          {
            name: loadContainer,
            image,
            imagePullPolicy: 'IfNotPresent',
            command: ['busybox', 'sh', '-c', literal(loadScript())],
            env: [
              { name: 'MP_WORK', value: workDir },
              { name: 'MP_SCRIPT', value: `${scriptDir}/load.ts` },
            ],
            volumeMounts: [
              { name: 'load', mountPath: scriptDir, readOnly: true },
              { name: 'work', mountPath: workDir },
            ],
            securityContext: {
              runAsUser: 12345,
              runAsNonRoot: true,
              allowPrivilegeEscalation: false,
              capabilities: { drop: ['ALL'] },
            },
          },
        ],
        volumes: [
          { name: 'load', configMap: { name } },
          { name: 'work', emptyDir: {} },
        ],
      },
    },
  ];
}
