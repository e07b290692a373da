import type { PodRef } from '../../kube/types.ts';
import { parseEnvoyCounters } from '../../observe/telemetry/envoy-histogram.ts';
import { uptimeMs, type EnvoyAdmin, type ServerInfo } from '../envoy/admin.ts';
import { leafCertificates, type CertsReply } from '../envoy/certificates.ts';
import type { ProxyView } from '../proxy-view.ts';
import { ports, serviceOfCluster } from './names.ts';
import { readProxyConfig } from './proxy-config.ts';

/** The counters that are read; all of them would be some hundred kB. */
const filter = [
  'control_plane.connected_state',
  'rbac.denied$',
  `^listener\\..*_${ports.inbound}\\.ssl\\.(connection_error|fail_verify_.*)$`,
  `^listener\\..*_${ports.inbound}\\.no_filter_chain_match$`,
  '^cluster\\.outbound.*\\.(upstream_cx_total|upstream_cx_connect_fail|ssl\\.handshake|ssl\\.fail_verify_.*)$',
].join('|');

/** Asks a sidecar what it was told and what it has done. */
export async function readProxyView(admin: EnvoyAdmin, pod: PodRef): Promise<ProxyView> {
  const [info, dump, certificates, stats] = await Promise.all([
    admin.serverInfo(pod),
    admin.json(pod, '/config_dump'),
    admin.json<CertsReply>(pod, '/certs'),
    admin.text(pod, `/stats?format=json&filter=${encodeURIComponent(filter)}`),
  ]);
  return proxyView({ namespace: pod.namespace, info, dump, certificates, counters: parseEnvoyCounters(stats) });
}

/** Pure: the same from what the admin port answered. */
export function proxyView(replies: {
  namespace: string;
  info: ServerInfo;
  dump: unknown;
  certificates: CertsReply;
  counters: ReadonlyMap<string, number>;
}): ProxyView {
  const { namespace, info, dump, certificates, counters } = replies;
  const config = readProxyConfig(dump, namespace);
  const sum = (pattern: RegExp): number =>
    [...counters].reduce((total, [name, value]) => total + (pattern.test(name) ? value : 0), 0);
  const inbound = (what: string): number => sum(new RegExp(`^listener\\..*_${ports.inbound}\\.(${what})$`));
  const towards = (service: string, what: string): number =>
    [...counters].reduce((total, [name, value]) => {
      const [, cluster = '', stat = ''] = /^cluster\.(outbound\|.+?;)\.(.+)$/.exec(name) ?? [];
      const counts = serviceOfCluster(cluster, namespace) === service && new RegExp(`^(${what})$`).test(stat);
      return total + (counts ? value : 0);
    }, 0);
  return {
    uptimeMs: uptimeMs(info),
    connected: counters.get('control_plane.connected_state') === 1,
    identity: leafCertificates(certificates)[0]?.identity,
    ways: new Map(
      [...config.upstreams].map(([service, { addresses }]) => [
        service,
        {
          addresses,
          connections: towards(service, 'upstream_cx_total'),
          connectFailures: towards(service, 'upstream_cx_connect_fail'),
          handshakes: towards(service, 'ssl\\.handshake'),
          badCertificates: towards(service, 'ssl\\.fail_verify_.*'),
        },
      ]),
    ),
    lets: config.callers,
    permissive: config.permissive,
    refused: {
      // In strict mode there is no filter chain for what is not TLS.
      notTls: inbound('ssl\\.connection_error|no_filter_chain_match'),
      noCertificate: inbound('ssl\\.fail_verify_no_cert'),
      badCertificate: inbound('ssl\\.fail_verify_(error|san|cert_hash)'),
      denied: sum(/rbac\.denied$/),
    },
  };
}
