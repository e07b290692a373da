import { messageOf } from '../../base/errors.ts';
import type { SidecarProblem } from '../adapter.ts';
import type { AdminPort } from '../admin-port.ts';
import type { MeshedPod } from '../meshed-pod.ts';
import { Metrics } from './metrics.ts';
import { linkerdNamespace } from './names.ts';

export type ProxyProblem = Pick<SidecarProblem, 'problem' | 'detail'>;

/** What a proxy says of itself, or the first thing that keeps it from doing what the control plane says. */
export type ProxyState = { problem: ProxyProblem } | { problem?: undefined; metrics: Metrics };

export async function proxyState(
  admin: AdminPort,
  { ref, notRunning, isServer }: Pick<MeshedPod, 'ref' | 'notRunning' | 'isServer'>,
): Promise<ProxyState> {
  if (notRunning !== undefined) return { problem: { problem: 'not-ready', detail: notRunning } };
  let metrics: Metrics;
  try {
    // It is once it has a certificate.
    await admin.text(ref, '/ready');
    metrics = new Metrics(await admin.text(ref, '/metrics'));
  } catch (error) {
    return { problem: { problem: 'not-connected', detail: `its proxy cannot be asked: ${messageOf(error)}` } };
  }
  return isConnected(metrics, isServer)
    ? { metrics }
    : { problem: { problem: 'not-connected', detail: 'its proxy has no connection to the control plane' } };
}

/**
 * A proxy of a server watches what the control plane says of its ports: that answer is still under way, as long as it is connected.
 * One that only calls asks when it calls, and forgets soon after: that it got a certificate is all that can be said of it.
 */
export function isConnected(metrics: Metrics, isServer: boolean): boolean {
  const toPolicy = ({ addr = '' }: Record<string, string>): boolean =>
    addr.startsWith(`linkerd-policy.${linkerdNamespace}.`);
  const underWay = metrics.sum('control_request_total', toPolicy) - metrics.sum('control_response_total', toPolicy);
  return !isServer || underWay > 0;
}
