import { MeshproofError } from '../../base/errors.ts';
import type { ImageMap } from '../../images/image.ts';
import type { KubeObject } from '../../kube/types.ts';
import { databaseDeployment, databaseSecret, databaseSecretName } from './database.ts';
import { hardened } from './hardened.ts';
import { appPort, databasePort, servicePort } from './ports.ts';
import { dataCallCommand, probeTimeoutSeconds, startupTimeoutSeconds, untilDataCallCommand } from './probe-command.ts';
import { database, services, workloads, type TripInsightsService } from './topology.ts';

export interface TripInsightsOptions {
  namespace: string;
  /** Images by the names of labImages: `postgres`, `tripinsights-<service>`; may point at the original images. */
  images: ImageMap;
  /** Of each API and of tripviewer; default 2. The database has one. */
  replicas?: number;
  /** Letters, digits, `-` and `_`; made anew for each lab by the caller. Never logged. */
  databasePassword: string;
}

/** Label that lets faults into a namespace (design, rule 9). */
export const chaosLabel = { 'meshproof.dev/chaos': 'allowed' };

/** All of TripInsights, unmeshed, in the order in which it is to be applied. Nothing in it knows of a mesh. */
export function tripInsights(options: TripInsightsOptions): KubeObject[] {
  const { namespace, images, replicas = 2, databasePassword } = options;
  if (!/^[A-Za-z0-9_-]{8,}$/.test(databasePassword)) {
    throw new MeshproofError(
      'MESHPROOF_USAGE',
      'The database password does not fit',
      'Use 8 or more of A-Z a-z 0-9 - _.',
    );
  }
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: chaosLabel } },
    databaseSecret(namespace, databasePassword),
    ...workloads.map((name): KubeObject => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name, namespace },
    })),
    service(namespace, database, { name: 'tcp-postgres', port: databasePort, appProtocol: 'tcp' }),
    ...services.map((name) => service(namespace, name, { name: 'http', port: servicePort, appProtocol: 'http' })),
    databaseDeployment(namespace, imageOf(images, 'postgres')),
    ...services.map((name) => appDeployment(namespace, name, imageOf(images, `tripinsights-${name}`), replicas)),
  ];
}

function imageOf(images: ImageMap, name: string): string {
  const image = images[name];
  if (image) return image.ref;
  throw new MeshproofError(
    'MESHPROOF_IMAGE',
    `The image map has no ${name}`,
    'Build it with labImages, or name one for it.',
  );
}

function service(
  namespace: string,
  name: string,
  port: { name: string; port: number; appProtocol: string },
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, labels: { app: name } },
    spec: { selector: { app: name }, ports: [{ ...port, protocol: 'TCP', targetPort: port.name }] },
  };
}

function appDeployment(namespace: string, name: TripInsightsService, image: string, replicas: number): KubeObject {
  const usesDatabase = name !== 'tripviewer';
  const probe = { exec: { command: dataCallCommand(name) }, timeoutSeconds: probeTimeoutSeconds };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      replicas,
      revisionHistoryLimit: 1,
      selector: { matchLabels: { app: name } },
      strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          serviceAccountName: name,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 10,
          containers: [
            {
              name,
              image,
              imagePullPolicy: 'IfNotPresent',
              env: [
                { name: 'PORT', value: String(appPort) },
                ...(usesDatabase ? databaseEnvironment : []),
                ...(name === 'tripviewer' ? endpoints : []),
              ],
              ports: [{ name: 'http', containerPort: appPort, protocol: 'TCP' }],
              // Exec, because a strict mesh refuses the kubelet's own HTTP; seldom, since every probe starts a process.
              startupProbe: {
                exec: { command: untilDataCallCommand(name) },
                timeoutSeconds: startupTimeoutSeconds,
                periodSeconds: 1,
                failureThreshold: 3,
              },
              readinessProbe: { ...probe, periodSeconds: 10, failureThreshold: 6 },
              // The endpoints are told while the server still answers.
              lifecycle: { preStop: { sleep: { seconds: 1 } } },
              resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '192Mi' } },
              securityContext: hardened(1000),
            },
          ],
        },
      },
    },
  };
}

const databaseEnvironment = [
  { name: 'SQL_SERVER', value: database },
  ...['SQL_USER', 'SQL_PASSWORD', 'SQL_DBNAME'].map((name) => ({
    name,
    valueFrom: { secretKeyRef: { name: databaseSecretName, key: name } },
  })),
];

const endpoints = [
  { name: 'TRIPS_API_ENDPOINT', value: 'http://trips' },
  { name: 'USERPROFILE_API_ENDPOINT', value: 'http://userprofile' },
];
