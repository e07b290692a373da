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
  { ref, notRunning }: Pick<MeshedPod, 'ref' | 'notRunning'>,
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
  return isConnected(metrics)
    ? { metrics }
    : { problem: { problem: 'not-connected', detail: 'its proxy has no connection to the control plane' } };
}

/** It holds connections to who tells it of others. */
export function isConnected(metrics: Metrics): boolean {
  return (
    metrics.sum(
      'tcp_open_connections',
      ({ direction, peer, server_id: server = '' }) =>
        direction === 'outbound' && peer === 'dst' && server.startsWith(`linkerd-destination.${linkerdNamespace}.`),
    ) > 0
  );
}
