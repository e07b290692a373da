import type { Status } from '../../judge/assertion.ts';
import { worst } from '../../judge/combine.ts';
import { systemClock } from '../../base/clock.ts';
import { MeshproofError, messageOf } from '../../base/errors.ts';
import { isHttpStatus } from '../../kube/kube-api-error.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import { serviceProbe } from './service-probe.ts';
import { probeLabel, type Check, type CheckContext, type HealthOptions } from './check.ts';
import { clusterCa } from './cluster-ca.ts';
import { apiLive, apiReady, controllerManager, scheduler } from './control-plane.ts';
import { disk } from './disk.ts';
import { dnsResolves, dnsServers } from './dns.ts';
import { eventTime, noWarnings } from './events.ts';
import type { HealthBaseline, HealthCheck, HealthResult } from './health.ts';
import { kubeletHeartbeat, nodesReady } from './nodes.ts';
import { restartsOf, type PodJson } from './pod.ts';
import { imagesThere, noCrashLoops, noOutOfMemory, noRestarts, podsRunning } from './pods.ts';
import { reapProbes } from './reap-probes.ts';
import { meshChecks } from './sidecars.ts';
import { workloadsAvailable } from './workloads.ts';

const clusterChecks: Check[] = [
  apiLive,
  apiReady,
  controllerManager,
  scheduler,
  nodesReady,
  kubeletHeartbeat,
  serviceProbe,
  workloadsAvailable,
  podsRunning,
  imagesThere,
  noCrashLoops,
  noRestarts,
  noOutOfMemory,
  noWarnings,
  dnsServers,
  dnsResolves,
  clusterCa,
  disk,
];

/**
 * One look at the health of cluster and mesh. Checks run side by side and apart from each other: one that throws or is
 * late is `error` with its reason. Each check makes at most a few short-lived objects, labelled and taken away again.
 * `baseline` goes to the next call as `since`.
 *
 * @throws only the signal's reason.
 */
export async function takeHealth(options: HealthOptions): Promise<HealthResult> {
  const context = contextOf(options);
  const { clock, mesh, checkTimeoutMs = 60_000 } = context;
  const takenAt = clock.now();
  const all = [...clusterChecks, ...(mesh ? meshChecks(mesh) : [])];
  // All of them, also when interrupted: each takes away what it made.
  const [results, baseline] = await Promise.all([
    Promise.allSettled(all.map((check) => runCheck(check, context, checkTimeoutMs))),
    baselineOf(context),
    // What an API server that does not answer keeps, the next look takes away; the checks say that it does not answer.
    options.readOnly === true
      ? []
      : reapProbes(context.kube, { now: clock.now(), olderThanMs: 2 * checkTimeoutMs }).catch(() => []),
  ]);
  context.signal.throwIfAborted();
  const checks = results.flatMap((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
  return { takenAt, status: statusOf(checks), checks, baseline };
}

/** Skipped checks show their reason but do not lower the whole; nothing but skipped ones is `skipped`. */
export function statusOf(checks: readonly Pick<HealthCheck, 'status'>[]): Status {
  const counted = checks.map(({ status }) => status).filter((status) => status !== 'skipped');
  return counted.length > 0 ? worst(counted) : worst(checks.map(({ status }) => status));
}

/** Runs one check within its budget; never rejects, except for the run's own abort. One check, or what it found in its place. */
export async function runCheck(check: Check, context: CheckContext, timeoutMs: number): Promise<HealthCheck[]> {
  const { id, title, category } = check;
  if (check.makes === true && context.readOnly === true) {
    return [
      { id, title, category, status: 'skipped', observed: 'it would make an object, and nothing is to be made here' },
    ];
  }
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new MeshproofError(
        'MESHPROOF_TIMEOUT',
        `no result after ${timeoutMs / 1000} s`,
        'Is the API server overloaded or hanging?',
      );
      stop.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    const work = check.run({ ...context, signal: AbortSignal.any([context.signal, stop.signal]) });
    const { instead, ...finding } = await Promise.race([work, late]);
    return instead ?? [{ id, title, category, ...finding }];
  } catch (error) {
    context.signal.throwIfAborted();
    const hint =
      error instanceof MeshproofError
        ? error.hint
        : 'The check itself did not work; nothing is known of what it looks at.';
    // Who may not look has seen nothing wrong.
    const status = isHttpStatus(error, 403) ? 'invalid' : 'error';
    return [{ id, title, category, status, observed: messageOf(error), hint }];
  } finally {
    clearTimeout(timer);
  }
}

function contextOf(options: HealthOptions): CheckContext {
  const { kube, namespaces } = options;
  const inNamespaces = async <T>(path: (namespace: string) => string): Promise<T[]> =>
    (await Promise.all(namespaces.map((namespace) => kube.list<T>(path(namespace))))).flat();
  return {
    ...options,
    clock: options.clock ?? systemClock,
    signal: options.signal ?? new AbortController().signal,
    pods: once(async () => {
      await existing(kube, namespaces);
      const pods = await inNamespaces<PodJson>((namespace) => `/api/v1/namespaces/${namespace}/pods`);
      return pods.filter(({ metadata }) => metadata.labels?.[probeLabel] === undefined);
    }),
    nodes: once(() => kube.list('/api/v1/nodes')),
    events: once(async () => {
      // Events about nodes stand in `default`.
      const all = await Promise.all(
        [...new Set([...namespaces, 'default'])].map((namespace) =>
          kube.list(`/api/v1/namespaces/${namespace}/events`),
        ),
      );
      return all.flat();
    }),
  };
}

/** A list in a namespace that does not exist is an empty one, which would look healthy. */
async function existing(kube: KubeClient, namespaces: readonly string[]): Promise<void> {
  await Promise.all(namespaces.map((namespace) => kube.get<KubeObject>(`/api/v1/namespaces/${namespace}`)));
}

async function baselineOf({ pods, events }: CheckContext): Promise<HealthBaseline> {
  const [all, seen] = await Promise.all([pods().catch(() => []), events().catch(() => [])]);
  return {
    eventsUntil: Math.max(0, ...seen.map(eventTime)),
    pods: Object.fromEntries(
      all.map((pod) => [pod.metadata.uid!, { name: pod.metadata.name, restarts: restartsOf(pod) }]),
    ),
  };
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= work());
}
