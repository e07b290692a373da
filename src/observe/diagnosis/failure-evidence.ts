import pLimit from 'p-limit';
import { messageOf } from '../../base/errors.ts';
import type { EvidencePath } from '../../evidence/path.ts';
import type { Evidence } from '../../evidence/store.ts';
import { isHttpStatus } from '../../kube/kube-api-error.ts';
import type { KubeClient, KubeObject, PodRef } from '../../kube/types.ts';
import type { MeshAdapter } from '../../meshes/adapter.ts';

/** Kept of each log, its end. */
const logBytes = 64 * 1024;
/** Read of each log: the API server sends the beginning of what it is asked for. */
const readBytes = 1024 * 1024;
const tailLines = 500;
const keptEvents = 200;
const maxPods = 20;
const atOnce = 4;

export interface FailureEvidenceOptions {
  kube: KubeClient;
  mesh: Pick<MeshAdapter, 'proxyConfig' | 'sidecarContainer'>;
  /** Those that the failed assertions are about. */
  pods: readonly Pick<PodRef, 'namespace' | 'name' | 'uid' | 'ip' | 'node'>[];
  evidence: Evidence;
  /** Folder below `evidence/`, e.g. `evidence/retries/failure`. */
  path: EvidencePath;
  signal?: AbortSignal | undefined;
}

/**
 * What a reader of a failure wants next: the end of every container's log of the pods concerned, what their proxies were told,
 * and the events of their namespaces. Everything bounded (64 kB a log) and without secrets. What could not be had is listed in
 * `missing.json`, and stops nothing else.
 *
 * @returns the files written, to be named beside the assertions
 */
export async function collectFailureEvidence(options: FailureEvidenceOptions): Promise<EvidencePath[]> {
  const { kube, mesh, evidence, path, signal } = options;
  const pods = options.pods.slice(0, maxPods);
  const missing = options.pods.slice(maxPods).map(({ name }) => `${name}: only ${maxPods} pods are kept`);
  const written: EvidencePath[] = [];
  const limit = pLimit(atOnce);
  const attempt = (what: string, work: () => Promise<EvidencePath | undefined>): Promise<void> =>
    limit(async () => {
      try {
        const file = await work();
        if (file !== undefined) written.push(file);
      } catch (error) {
        signal?.throwIfAborted();
        missing.push(`${what}: ${messageOf(error)}`);
      }
    });

  const namespaces = [...new Set(pods.map(({ namespace }) => namespace))];
  await Promise.all([
    ...namespaces.map((namespace) =>
      attempt(`events of ${namespace}`, async () =>
        evidence.json(`${path}/${namespace}.events.json`, await newestEvents(kube, namespace)),
      ),
    ),
    ...pods.map(async (pod) => {
      let object: KubeObject;
      try {
        object = await kube.get<KubeObject>(`/api/v1/namespaces/${pod.namespace}/pods/${pod.name}`);
      } catch (error) {
        missing.push(`${pod.name}: ${isHttpStatus(error, 404) ? 'it has gone' : messageOf(error)}`);
        return;
      }
      const containers = containersOf(object);
      await Promise.all([
        ...containers.flatMap(({ name, restarted }) =>
          [false, ...(restarted ? [true] : [])].map((previous) =>
            attempt(`log of ${pod.name}, ${name}`, async () => {
              const text = await logEnd(kube, pod, name, previous);
              const file: EvidencePath = `${path}/${pod.name}.${name}${previous ? '.previous' : ''}.log.txt`;
              return text === '' ? undefined : evidence.text(file, text);
            }),
          ),
        ),
        ...(containers.some(({ name }) => name === mesh.sidecarContainer)
          ? [
              attempt(`proxy of ${pod.name}`, async () =>
                evidence.json(`${path}/${pod.name}.proxy.json`, await mesh.proxyConfig(pod)),
              ),
            ]
          : []),
      ]);
    }),
  ]);
  if (missing.length > 0) written.push(await evidence.json(`${path}/missing.json`, missing.sort()));
  return written.sort();
}

interface Container {
  name: string;
  restarted: boolean;
}

function containersOf({ spec, status }: KubeObject): Container[] {
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])] as {
    name: string;
    restartCount: number;
  }[];
  return [...(spec.initContainers ?? []), ...spec.containers].map(({ name }: { name: string }) => ({
    name,
    restarted: statuses.some((one) => one.name === name && one.restartCount > 0),
  }));
}

async function logEnd(
  kube: KubeClient,
  pod: { namespace: string; name: string },
  container: string,
  previous: boolean,
): Promise<string> {
  const query = new URLSearchParams({
    container,
    tailLines: String(tailLines),
    limitBytes: String(readBytes),
    timestamps: 'true',
    ...(previous && { previous: 'true' }),
  });
  try {
    const log = await kube.getText(`/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/log?${query.toString()}`);
    return endOf(log, logBytes);
  } catch (error) {
    // A container that has not started yet has no log, and says so with 400.
    if (isHttpStatus(error, 400)) return '';
    throw error;
  }
}

/** Pure: the whole lines at the end of a text that fit. */
export function endOf(text: string, bytes: number): string {
  const all = Buffer.from(text);
  if (all.length <= bytes) return text;
  const end = all.subarray(all.length - bytes).toString();
  return `[${all.length - bytes} bytes before this are left out]\n${end.slice(end.indexOf('\n') + 1)}`;
}

/** By time, newest last; what makes an event long and says nothing is left out. */
async function newestEvents(kube: KubeClient, namespace: string): Promise<object[]> {
  const all = await kube.list<KubeObject>(`/api/v1/namespaces/${namespace}/events`);
  const timeOf = (event: KubeObject): string =>
    (event.series?.lastObservedTime ??
      event.lastTimestamp ??
      event.eventTime ??
      event.metadata.creationTimestamp) as string;
  return all
    .map((event) => ({
      at: timeOf(event) ?? '',
      type: event.type,
      reason: event.reason,
      about: `${event.involvedObject?.kind} ${event.involvedObject?.name}`,
      count: event.count ?? event.series?.count ?? 1,
      message: event.message,
    }))
    .sort((a, b) => (a.at < b.at ? -1 : 1))
    .slice(-keptEvents);
}
