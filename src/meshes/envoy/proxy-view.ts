import type { PodRef } from '../../kube/types.ts';
import { parseEnvoyCounters } from '../../observe/telemetry/envoy-histogram.ts';
import type { ProxyRoute, ProxyView } from '../proxy-view.ts';
import { uptimeMs, type EnvoyAdmin, type ServerInfo } from './admin.ts';
import { leafCertificates, type CertsReply } from './certificates.ts';
import type { Route } from './config-dump.ts';

/** What the admin port of a sidecar answers. */
export interface ViewReplies {
  info: ServerInfo;
  dump: unknown;
  certificates: CertsReply;
  counters: ReadonlyMap<string, number>;
}

/** How a mesh names what a view is made of. */
export interface ViewNames {
  /** Of the listener that other sidecars connect to. */
  inboundPort: number;
  /** Counters of that listener for connections that are no TLS, behind its name. */
  notTls: string;
  /** Splits the name of a cluster's counter into the cluster and what is counted. */
  clusterStat: RegExp;
  serviceOf(cluster: string): string | undefined;
}

/** What the sidecar was told, as the mesh reads it. */
interface Told extends Pick<ProxyView, 'lets' | 'permissive'> {
  /** `routes`: undefined for TCP. */
  upstreams: ReadonlyMap<string, { addresses: readonly string[]; routes?: readonly Route[] | undefined }>;
}

/** Asks a sidecar what it was told and what it has done; of its counters those that a view needs: all would be some hundred kB. */
export async function readViewReplies(
  admin: EnvoyAdmin,
  pod: PodRef,
  { inboundPort, notTls }: ViewNames,
): Promise<ViewReplies> {
  const filter = [
    'control_plane.connected_state',
    'rbac.denied$',
    `^listener\\..*_${inboundPort}\\.(${notTls}|ssl\\.fail_verify_.*)$`,
    '^cluster\\..*\\.(upstream_cx_total|upstream_cx_connect_fail|ssl\\.handshake|ssl\\.fail_verify_.*)$',
  ].join('|');
  const [info, dump, certificates, stats] = await Promise.all([
    admin.serverInfo(pod),
    admin.json(pod, '/config_dump'),
    admin.json<CertsReply>(pod, '/certs'),
    admin.text(pod, `/stats?format=json&filter=${encodeURIComponent(filter)}`),
  ]);
  return { info, dump, certificates, counters: parseEnvoyCounters(stats) };
}

/** Pure: a view from what the admin port answered, and what the mesh reads in its dump. */
export function envoyProxyView(
  { info, certificates, counters }: Omit<ViewReplies, 'dump'>,
  { upstreams, lets, permissive }: Told,
  { inboundPort, notTls, clusterStat, serviceOf }: ViewNames,
): ProxyView {
  const sum = (counts: (name: string) => boolean): number =>
    [...counters].reduce((total, [name, value]) => total + (counts(name) ? value : 0), 0);
  const inbound = (what: string): number => {
    const pattern = new RegExp(`^listener\\..*_${inboundPort}\\.(${what})$`);
    return sum((name) => pattern.test(name));
  };
  const towards = (service: string, what: string): number => {
    const pattern = new RegExp(`^(${what})$`);
    return sum((name) => {
      const [, cluster = '', stat = ''] = clusterStat.exec(name) ?? [];
      return serviceOf(cluster) === service && pattern.test(stat);
    });
  };
  return {
    uptimeMs: uptimeMs(info),
    connected: counters.get('control_plane.connected_state') === 1,
    identity: leafCertificates(certificates)[0]?.identity,
    ways: new Map(
      [...upstreams].map(([service, { addresses, routes }]) => [
        service,
        {
          addresses,
          routes: routes?.map(proxyRoute),
          connections: towards(service, 'upstream_cx_total'),
          connectFailures: towards(service, 'upstream_cx_connect_fail'),
          handshakes: towards(service, 'ssl\\.handshake'),
          badCertificates: towards(service, 'ssl\\.fail_verify_.*'),
        },
      ]),
    ),
    lets,
    permissive,
    refused: {
      notTls: inbound(notTls),
      noCertificate: inbound('ssl\\.fail_verify_no_cert'),
      badCertificate: inbound('ssl\\.fail_verify_(error|san|cert_hash)'),
      denied: sum((name) => /rbac\.denied$/.test(name)),
    },
  };
}

/** A route without a time waits 15 s, one with 0 for ever (Envoy, `RouteAction.timeout`). */
function proxyRoute({ prefix, retries, onStatus, timeoutMs = 15_000 }: Route): ProxyRoute {
  return { pathPrefix: prefix, retries, onStatus, timeoutMs: timeoutMs === 0 ? undefined : timeoutMs };
}
