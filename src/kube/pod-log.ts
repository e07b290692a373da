import { isHttpStatus } from './kube-api-error.ts';
import type { KubeClient } from './types.ts';

export interface LogOptions {
  /** The kubelet's own timestamp before each line; see log-events.ts. */
  timestamps?: boolean | undefined;
  tailLines?: number | undefined;
  /** Of the container's life before its last restart. */
  previous?: boolean | undefined;
  timeoutMs?: number | undefined;
}

/**
 * What a container has written so far; empty before it has started (the API server answers 400 then: it waits to start,
 * or its node does not know it yet).
 *
 * @throws KubeApiError 404 when the pod is gone
 */
export async function containerLog(
  kube: KubeClient,
  pod: { namespace: string; name: string },
  container: string,
  options: LogOptions = {},
): Promise<string> {
  const query = new URLSearchParams({ container });
  if (options.timestamps) query.set('timestamps', 'true');
  if (options.previous) query.set('previous', 'true');
  if (options.tailLines !== undefined) query.set('tailLines', String(options.tailLines));
  try {
    return await kube.getText(`/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/log?${query.toString()}`, {
      timeoutMs: options.timeoutMs,
    });
  } catch (error) {
    if (isHttpStatus(error, 400)) return '';
    throw error;
  }
}
