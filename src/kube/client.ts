import { applyObjects } from './apply.ts';
import { Discovery } from './discovery.ts';
import { execInPod } from './exec.ts';
import { WatchedList } from './followed-list.ts';
import { isHttpStatus } from './kube-api-error.ts';
import { loadKubeConfig } from './kube-config.ts';
import { podHttp } from './pod-http.ts';
import { podCertificate } from './pod-tls.ts';
import type { Environment } from './proxy.ts';
import { repeat } from './repeat.ts';
import { Transport } from './transport.ts';
import type { KubeClient, KubeObject } from './types.ts';

const defaultTimeoutMs = 15_000;
const pageSize = 500;

const patchTypes = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

export interface KubeClientOptions {
  /** A path or the YAML itself. */
  kubeconfig: string;
  context?: string | undefined;
  timeoutMs?: number | undefined;
  /** Where a proxy may be named (HTTPS_PROXY, NO_PROXY); default this process's own environment. */
  env?: Environment | undefined;
}

/**
 * A client that sends objects as they are given.
 *
 * @throws MeshproofError MESHPROOF_USAGE for an unusable kubeconfig; calls throw KubeApiError (MESHPROOF_KUBE_API) or
 * MESHPROOF_KUBE_TIMEOUT.
 */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  const config = loadKubeConfig(options.kubeconfig, options.context, options.env);
  const transport = new Transport(config);
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const send = async <T>(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    contentType?: string,
    deadlineMs = timeoutMs,
  ): Promise<T> => {
    const text = await transport.send({
      method,
      path,
      timeoutMs: deadlineMs,
      body: body === undefined ? undefined : JSON.stringify(body),
      contentType,
    });
    return JSON.parse(text) as T;
  };
  const list = async <T>(path: string, labelSelector?: string): Promise<{ items: T[]; resourceVersion: string }> => {
    const items: T[] = [];
    let next = '';
    for (;;) {
      const url = new URL(path, 'http://list');
      url.searchParams.set('limit', String(pageSize));
      if (labelSelector) url.searchParams.set('labelSelector', labelSelector);
      if (next) url.searchParams.set('continue', next);
      const page = await send<{
        items: T[] | null;
        kind: string;
        apiVersion: string;
        metadata: { continue?: string; resourceVersion?: string };
      }>('GET', url.pathname + url.search);
      // Items of a list carry no kind of their own; pathOf and apply need it.
      const type = { apiVersion: page.apiVersion, kind: page.kind.replace(/List$/, '') };
      for (const item of page.items ?? []) items.push({ ...type, ...item });
      next = page.metadata.continue ?? '';
      if (!next) return { items, resourceVersion: page.metadata.resourceVersion ?? '' };
    }
  };
  const discovery = new Discovery((path) => send('GET', path));
  const patch: KubeClient['patch'] = (path, body, type = 'merge') => {
    const query = type === 'apply' ? `${path.includes('?') ? '&' : '?'}fieldManager=meshproof&force=true` : '';
    return send<KubeObject>('PATCH', path + query, body, patchTypes[type]);
  };

  return {
    get: (path, { timeoutMs: deadlineMs } = {}) => send('GET', path, undefined, undefined, deadlineMs),

    getText: (path, { timeoutMs: deadlineMs = timeoutMs } = {}) =>
      transport.send({ method: 'GET', path, accept: '*/*', timeoutMs: deadlineMs }),

    list: async <T>(path: string, labelSelector?: string) => (await list<T>(path, labelSelector)).items,

    follow: <T extends KubeObject>(path: string) => new WatchedList<T>(transport, path, () => list<T>(path)),

    apply: (objects) =>
      applyObjects(
        { discovery, get: (path) => send('GET', path), patch: (path, object) => patch(path, object, 'apply') },
        objects,
      ),

    create: async (object) => await send<KubeObject>('POST', await discovery.collectionPathOf(object), object),

    patch,

    async delete(path, { gracePeriodSeconds, propagation = 'Background' } = {}) {
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: propagation,
        ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
      };
      await repeat(`deleting ${path}`, async () => {
        try {
          await send('DELETE', path, body);
        } catch (error) {
          if (!isHttpStatus(error, 404)) throw error;
        }
      });
    },

    exec: (pod, argv, execOptions) => execInPod(config, pod, argv, execOptions),
    podHttp: (pod, port, path, httpOptions) => podHttp(config, pod, port, path, httpOptions),
    podCertificate: (pod, port, serverName) => podCertificate(config, pod, port, serverName),
    pathOf: (object) => discovery.pathOf(object),
    close: () => transport.close(),
  };
}
