import { isRetryable } from '../base/retryable.ts';
import { KubeApiError } from './kube-api-error.ts';
import { repeat } from './repeat.ts';
import type { KubeClient } from './types.ts';

/**
 * A client that can only read, for a cluster that is somebody else's: whatever is built on it, nothing is written, and no program
 * is run in a pod. Reads are patient: an API server that throttles, or is away for ten seconds, is asked again.
 */
export function readOnlyClient(kube: KubeClient): KubeClient {
  return {
    get: (path, options) => repeat(`GET ${path}`, () => kube.get(path, options)),
    getText: (path, options) => repeat(`GET ${path}`, () => kube.getText(path, options)),
    list: (path, labelSelector) => repeat(`GET ${path}`, () => kube.list(path, labelSelector)),
    follow: (path) => kube.follow(path),
    podHttp: async (pod, port, path, options = {}) => {
      const { method = 'GET' } = options;
      if (method !== 'GET') throw refused(`${method} ${path} in ${pod.namespace}/${pod.name}`);
      return answerOf(`GET ${pod.namespace}/${pod.name}:${port}${path}`, () => kube.podHttp(pod, port, path, options));
    },
    podCertificate: (pod, port, serverName) =>
      answerOf(`the certificate of ${pod.namespace}/${pod.name}:${port}`, () =>
        kube.podCertificate(pod, port, serverName),
      ),
    pathOf: (object) => repeat(`the path of ${object.kind}`, () => kube.pathOf(object)),
    apply: async ([first]) => Promise.reject(refused(`applying ${first?.kind}`)),
    create: async ({ kind }) => Promise.reject(refused(`creating ${kind}`)),
    patch: async (path) => Promise.reject(refused(`PATCH ${path}`)),
    delete: async (path) => Promise.reject(refused(`DELETE ${path}`)),
    exec: async ({ namespace, name }) => Promise.reject(refused(`a program in ${namespace}/${name}`)),
    close: () => kube.close(),
  };
}

/** A pod whose port nobody listens on is no trouble of the API server: it is not waited for. */
async function answerOf<T>(what: string, ask: () => Promise<T>): Promise<T> {
  const answer = await repeat(what, async () => {
    try {
      return { value: await ask() };
    } catch (error) {
      if (isRetryable(error) && error instanceof KubeApiError && error.reason === 'PortForwardFailed') return { error };
      throw error;
    }
  });
  if ('error' in answer) throw answer.error;
  return answer.value;
}

function refused(what: string): TypeError {
  return new TypeError(`${what}: whoever only looks writes nothing`);
}
