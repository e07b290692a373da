import { randomBytes } from 'node:crypto';
import { seedIds } from '../../../fixtures/tripinsights/seed/data.ts';
import type { ImageMap } from '../../images/image.ts';
import { readyPods } from '../../kube/pods.ts';
import type { KubeClient } from '../../kube/types.ts';
import { waitForDeployments } from '../../kube/wait.ts';
import type { App, AppService, RunningApp } from '../app.ts';
import { dataCalls } from './data-calls.ts';
import { appPort, databasePort, servicePort } from './ports.ts';
import { database, edges, services } from './topology.ts';
import { tripInsights } from './trip-insights.ts';
import { waitForData } from './wait-for-data.ts';

const plant: Partial<Record<string, string[]>> = {
  poi: ['/api/poi/trip/{token}'],
  trips: ['/api/trips/user/{token}'],
  userprofile: ['/api/user/{token}'],
};
const psql = (statement: string): string[] => [
  'sh',
  '-c',
  'psql -v ON_ERROR_STOP=1 -h "$SOCKET_DIR" -U postgres -d "$SQL_DBNAME" -c "$0"',
  statement,
];
const update = (expression: string): string[] =>
  psql(`UPDATE "UserProfiles" SET "FirstName" = ${expression} WHERE "Id" = '${seedIds.user}'`);

function serviceOf(name: (typeof services)[number]): AppService {
  const call = dataCalls[name];
  return {
    name,
    port: servicePort,
    containerPort: appPort,
    protocol: 'http',
    selector: { app: name },
    container: name,
    account: name,
    call,
    alsoCalls: name === 'tripviewer' ? [{ method: 'GET', path: '/Trip', expectStatus: 200 }] : [],
    plant: plant[name] ?? [],
    routes: [],
    calls: edges
      .filter(({ source }) => source === name)
      .map(({ destination }) => ({
        service: destination,
        ...(destination === 'trips' && { paths: ['/api/trips'] }),
        ...(destination === 'userprofile' && { paths: ['/api/user'] }),
      })),
  };
}

/** TripInsights as an application under test. */
export function tripInsightsApp(images: ImageMap): App {
  return {
    id: 'tripinsights',
    title: 'TripInsights',
    namespace: 'tripinsights',
    services: [
      ...services.map(serviceOf),
      {
        name: database,
        port: databasePort,
        containerPort: databasePort,
        protocol: 'tcp',
        selector: { app: database },
        container: database,
        account: database,
        alsoCalls: [],
        plant: [],
        routes: [],
        calls: [],
      },
    ],
    edges: edges.map(({ source, destination }) => ({ source, destination })),
    reconnect: {
      service: database,
      command: psql('SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE client_addr IS NOT NULL'),
    },
    change: {
      do: { service: database, command: update(`"FirstName" || 'x'`) },
      undo: { service: database, command: update(`regexp_replace("FirstName", 'x$', '')`) },
    },
    manifests: async ({ namespace, replicas }) =>
      tripInsights({
        namespace,
        images,
        databasePassword: randomBytes(18).toString('base64url'),
        ...(replicas !== undefined && { replicas }),
      }),
  };
}

/** An app that was deployed in a namespace. */
export function runningApp(kube: KubeClient, app: App, where: { namespace: string; meshed: boolean }): RunningApp {
  const { namespace, meshed } = where;
  return {
    app,
    namespace,
    meshed,
    pods: (service) => readyPods(kube, namespace, `app=${service}`),
    async answering({ timeoutMs, detail, signal }) {
      await waitForDeployments(kube, namespace, {
        timeoutMs,
        progress: detail ?? (() => {}),
        ...(signal !== undefined && { signal }),
      });
      await waitForData(kube, namespace, {
        timeoutMs,
        onPending: detail ?? (() => {}),
        ...(signal !== undefined && { signal }),
      });
    },
  };
}
