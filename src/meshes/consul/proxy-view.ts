import type { PodRef } from '../../kube/types.ts';
import type { EnvoyAdmin } from '../envoy/admin.ts';
import { envoyProxyView, readViewReplies, type ViewNames, type ViewReplies } from '../envoy/proxy-view.ts';
import type { ProxyView } from '../proxy-view.ts';
import { ports, serviceOfCluster } from './names.ts';
import { readProxyConfig } from './proxy-config.ts';

const names: ViewNames = {
  inboundPort: ports.inbound,
  notTls: 'ssl\\.connection_error',
  clusterStat: /^cluster\.(.+?\.consul)\.(.+)$/,
  serviceOf: serviceOfCluster,
};

/** Asks a sidecar what it was told and what it has done. */
export async function readProxyView(admin: EnvoyAdmin, pod: PodRef): Promise<ProxyView> {
  return proxyView(await readViewReplies(admin, pod, names));
}

/** Pure: the same from what the admin port answered. */
export function proxyView(replies: ViewReplies): ProxyView {
  const { upstreams, callers, permissive } = readProxyConfig(replies.dump);
  return envoyProxyView(replies, { upstreams, lets: callers, permissive }, names);
}
