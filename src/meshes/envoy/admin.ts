import type { KubeClient } from '../../kube/types.ts';
import { MeshproofError } from '../../base/errors.ts';

export interface EnvoyAddress {
  namespace: string;
  name: string;
}

/** Envoy's admin port, which listens on the pod's loopback, through a port-forward. */
export class EnvoyAdmin {
  readonly #kube: KubeClient;
  readonly #port: number;

  constructor(kube: KubeClient, port: number) {
    this.#kube = kube;
    this.#port = port;
  }

  /** @throws MeshproofError MESHPROOF_MESH_API when the proxy answers with anything but 200 */
  async text(pod: EnvoyAddress, path: string, method = 'GET'): Promise<string> {
    const reply = await this.#kube.podHttp(pod, this.#port, path, { method, timeoutMs: 10_000 });
    if (reply.status === 200) return reply.body;
    throw new MeshproofError(
      'MESHPROOF_MESH_API',
      `The proxy of ${pod.namespace}/${pod.name} answered ${reply.status} to ${method} ${path}`,
      `Look at it: kubectl -n ${pod.namespace} port-forward ${pod.name} ${this.#port}`,
      { retryable: reply.status >= 500 },
    );
  }

  async json<T>(pod: EnvoyAddress, path: string): Promise<T> {
    return JSON.parse(await this.text(pod, path)) as T;
  }

  /** Counters, gauges and detailed histograms in one reply; see src/observe/telemetry/envoy-histogram.ts. */
  stats(pod: EnvoyAddress): Promise<string> {
    return this.text(pod, '/stats?format=json&histogram_buckets=detailed');
  }

  serverInfo(pod: EnvoyAddress): Promise<ServerInfo> {
    return this.json<ServerInfo>(pod, '/server_info');
  }
}

/** The part of `/server_info` that is used. */
export interface ServerInfo {
  /** `<commit>/1.40.0/Clean/RELEASE/BoringSSL` */
  version: string;
  /** `LIVE` once the first configuration was applied. */
  state: string;
  /** `12s`: of the process. */
  uptime_current_epoch: string;
}

export function envoyVersion(info: ServerInfo): string {
  return info.version.split('/')[1] ?? info.version;
}

export function uptimeMs(info: ServerInfo): number {
  return Number.parseFloat(info.uptime_current_epoch) * 1000;
}
