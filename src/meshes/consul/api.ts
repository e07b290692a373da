import { MeshproofError } from '../../base/errors.ts';
import { isHttpStatus } from '../../kube/kube-api-error.ts';
import { containerStatuses, waitingReason } from '../../kube/pod-status.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import { consulNamespace, ports, serverName } from './names.ts';

/** Consul's HTTP API, through a port-forward to the server pod's loopback: no port of it is open in clear elsewhere. */
export interface ConsulApi {
  /** Undefined for 404. */
  get<T>(path: string): Promise<T | undefined>;
  put(path: string, body?: unknown): Promise<unknown>;
  delete(path: string): Promise<void>;
}

/** @param token the management token; it is sent as a header and never appears in an error */
export function consulApi(kube: KubeClient, token: string): ConsulApi {
  let pod: string | undefined;
  const call = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: string }> => {
    pod ??= await serverPodName(kube);
    try {
      return await kube.podHttp({ namespace: consulNamespace, name: pod }, ports.http, path, {
        method,
        headers: { 'x-consul-token': token, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        timeoutMs: 10_000,
      });
    } catch (error) {
      const gone = pod;
      pod = undefined; // The next call looks for the pod that replaced it.
      throw isHttpStatus(error, 404) ? notThere(`the server pod ${gone} has gone`, error) : error;
    }
  };
  const checked = async (method: string, path: string, body?: unknown): Promise<string> => {
    const reply = await call(method, path, body);
    // Pods take their own instance and token back when they stop: gone is what was wanted.
    const gone = reply.status === 404 && (method === 'DELETE' || path.includes('/deregister/'));
    if (reply.status >= 300 && !gone) throw new ConsulApiError(method, path, reply);
    return gone ? '' : reply.body;
  };
  return {
    async get<T>(path: string) {
      const reply = await call('GET', path);
      if (reply.status === 404) return undefined;
      if (reply.status >= 300) throw new ConsulApiError('GET', path, reply);
      return JSON.parse(reply.body) as T;
    },
    async put(path, body) {
      const text = await checked('PUT', path, body);
      return text === '' ? undefined : JSON.parse(text);
    },
    async delete(path) {
      await checked('DELETE', path);
    },
  };
}

/** Name of the server pod that runs. @throws MeshproofError MESHPROOF_MESH_NOT_READY while there is none (a wait goes on looking) */
export async function serverPodName(kube: KubeClient): Promise<string> {
  const pods = await kube.list<KubeObject>(`/api/v1/namespaces/${consulNamespace}/pods`, `app=${serverName}`);
  const running = pods.find((pod) => pod.status?.phase === 'Running' && !pod.metadata.deletionTimestamp);
  if (running) return running.metadata.name;
  throw notThere(`no server pod runs${pods.length > 0 ? ` (${pods.map(whyWaiting).join('; ')})` : ''}`);
}

/** The kubelet's own words on a pod that does not run. */
function whyWaiting(pod: KubeObject): string {
  const reason = containerStatuses(pod)
    .map(waitingReason)
    .find((one) => one !== undefined);
  return `${pod.metadata.name}: ${reason ?? pod.status?.phase}`;
}

const hint = `Look at the server: kubectl -n ${consulNamespace} logs deployment/${serverName}`;

/** What Consul answered when it did not do what was asked; without a leader it answers 500. */
export class ConsulApiError extends MeshproofError {
  readonly status: number;

  constructor(method: string, path: string, reply: { status: number; body: string }) {
    const { status, body } = reply;
    super('MESHPROOF_MESH_API', `Consul refused ${method} ${path} with ${status}: ${body.trim().slice(0, 300)}`, hint, {
      retryable: status >= 500 || status === 429,
    });
    this.status = status;
  }
}

function notThere(why: string, cause?: unknown): MeshproofError {
  return new MeshproofError('MESHPROOF_MESH_NOT_READY', `Consul: ${why}`, hint, { cause, retryable: true });
}
