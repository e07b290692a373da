import type { KubeObject } from '../../kube/types.ts';
import { hardened } from './hardened.ts';
import { databasePort } from './ports.ts';
import { probeTimeoutSeconds, startupTimeoutSeconds, untilCommand } from './probe-command.ts';
import { database } from './topology.ts';

export const databaseSecretName = 'tripinsights-database';
const databaseName = 'mydrivingDB';
const databaseUser = 'tripinsights';
const volume = '/var/lib/postgresql';
const dataDirectory = `${volume}/data`;

export function databaseSecret(namespace: string, password: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: databaseSecretName, namespace },
    type: 'Opaque',
    stringData: { SQL_USER: databaseUser, SQL_PASSWORD: password, SQL_DBNAME: databaseName },
  };
}

/** PostgreSQL with the seed; its data lives as long as its pod. */
export function databaseDeployment(namespace: string, image: string): KubeObject {
  const isSeeded = `[ -e ${dataDirectory}/seeded ]`;
  const answers = `psql -h ${volume} -U postgres -d ${databaseName} -tAc 'SELECT 1 FROM "Trips" LIMIT 1' >/dev/null`;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: database, namespace, labels: { app: database } },
    spec: {
      replicas: 1,
      revisionHistoryLimit: 1,
      selector: { matchLabels: { app: database } },
      strategy: { type: 'Recreate' },
      template: {
        metadata: { labels: { app: database } },
        spec: {
          serviceAccountName: database,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 5,
          containers: [
            {
              name: database,
              image,
              imagePullPolicy: 'IfNotPresent',
              env: [
                ...['SQL_USER', 'SQL_PASSWORD', 'SQL_DBNAME'].map((name) => ({
                  name,
                  valueFrom: { secretKeyRef: { name: databaseSecretName, key: name } },
                })),
                { name: 'PGDATA', value: dataDirectory },
                { name: 'SOCKET_DIR', value: volume },
              ],
              ports: [{ name: 'tcp-postgres', containerPort: databasePort, protocol: 'TCP' }],
              startupProbe: {
                exec: { command: untilCommand(`${isSeeded} && ${answers}`) },
                timeoutSeconds: startupTimeoutSeconds,
                periodSeconds: 1,
                failureThreshold: 3,
              },
              readinessProbe: {
                exec: { command: ['/bin/sh', '-c', answers] },
                timeoutSeconds: probeTimeoutSeconds,
                periodSeconds: 10,
                failureThreshold: 3,
              },
              resources: { requests: { cpu: '20m', memory: '96Mi' }, limits: { memory: '384Mi' } },
              securityContext: hardened(999),
              volumeMounts: [{ name: 'data', mountPath: volume }],
            },
          ],
          volumes: [{ name: 'data', emptyDir: {} }],
        },
      },
    },
  };
}
