import type { PodRef } from '../../kube/types.ts';
import type { EnvoyAdmin } from '../envoy/admin.ts';
import { envoyProxyView, readViewReplies, type ViewNames } from '../envoy/proxy-view.ts';
import type { ProxyView } from '../proxy-view.ts';
import { ports, serviceOfCluster } from './names.ts';
import { readProxyConfig } from './proxy-config.ts';
import { leftOut } from './proxy-settings.ts';

/** Asks a sidecar what it was told and what it has done. */
export async function readProxyView(admin: EnvoyAdmin, pod: PodRef, trustDomain: string): Promise<ProxyView> {
  const { namespace } = pod;
  const names: ViewNames = {
    inboundPort: ports.inbound,
    // In strict mode there is no filter chain for what is not TLS.
    notTls: 'ssl\\.connection_error|no_filter_chain_match',
    clusterStat: /^cluster\.(outbound\|.+?;)\.(.+)$/,
    serviceOf: (cluster) => serviceOfCluster(cluster, namespace),
  };
  const replies = await readViewReplies(admin, pod, names);
  const { upstreams, callers, permissive } = readProxyConfig(replies.dump, namespace, trustDomain);
  // A service with several HTTP ports has routes for each: those of the first stand for all, as policies are written for all.
  const ways = new Map(
    [...upstreams].map(
      ([
        service,
        {
          addresses,
          ports: [routes],
        },
      ]) => [service, { addresses, routes }],
    ),
  );
  // Where handshakes are not counted, every connection would look like plaintext.
  const uncounted = leftOut(replies.dump);
  return { ...envoyProxyView(replies, { upstreams: ways, lets: callers, permissive }, names), uncounted };
}
