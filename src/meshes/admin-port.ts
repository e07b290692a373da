import { MeshproofError } from '../base/errors.ts';
import type { KubeClient } from '../kube/types.ts';

/** How often a port-forward that breaks is made. */
const tries = 3;

export interface PodAddress {
  namespace: string;
  name: string;
}

/** The admin port of a pod's proxy, through a port-forward: it listens on the pod's loopback at least. */
export class AdminPort {
  readonly #kube: KubeClient;
  readonly #port: number;

  constructor(kube: KubeClient, port: number) {
    this.#kube = kube;
    this.#port = port;
  }

  /** Reads, once more where the connection broke. @throws as `send` */
  async text(pod: PodAddress, path: string): Promise<string> {
    for (let left = tries; ; left--) {
      try {
        return await this.send(pod, path, 'GET');
      } catch (error) {
        const broke = error instanceof MeshproofError && error.code === 'MESHPROOF_KUBE_API' && error.retryable;
        if (!broke || left === 1) throw error;
      }
    }
  }

  /** @throws MeshproofError MESHPROOF_MESH_API when the proxy answers with anything but 200; KubeApiError when it cannot be reached */
  async send(pod: PodAddress, path: string, method: string): Promise<string> {
    const reply = await this.#kube.podHttp(pod, this.#port, path, { method, timeoutMs: 10_000 });
    if (reply.status === 200) return reply.body;
    throw new MeshproofError(
      'MESHPROOF_MESH_API',
      `The proxy of ${pod.namespace}/${pod.name} answered ${reply.status} to ${method} ${path}`,
      `Look at it: kubectl -n ${pod.namespace} port-forward ${pod.name} ${this.#port}`,
      { retryable: reply.status >= 500 },
    );
  }

  async json<T>(pod: PodAddress, path: string): Promise<T> {
    return JSON.parse(await this.text(pod, path)) as T;
  }
}
