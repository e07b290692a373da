import type { StatNames } from '../envoy/snapshot.ts';

/** Names, ports and labels that Istio gives its parts, and those that meshproof gives its own. */
export const istioNamespace = 'istio-system';
export const controlPlane = 'istiod';

export const ports = {
  /** Envoy admin, on loopback only. */
  admin: 15000,
  /** Where redirected outbound connections of the app arrive. */
  outbound: 15001,
  /** Where redirected inbound connections arrive: one listener with a filter chain for each port of the app. */
  inbound: 15006,
  /** istiod: its own version and debug pages. */
  monitoring: 15014,
} as const;

export const sidecarUid = 1337;
export const sidecarContainer = 'istio-proxy';
export const initContainer = 'istio-init';

export const labels = {
  /** On a namespace, `enabled`: the injector puts sidecars into its pods. */
  injection: 'istio-injection',
  /** On a namespace instead: of which injector, where there are several. */
  revision: 'istio.io/rev',
  /** On a webhook: the name that stands for its revision. */
  tag: 'istio.io/tag',
  /** On a pod, `false`: it stays outside. */
  inject: 'sidecar.istio.io/inject',
  /** The injector puts it on every pod that it gave a sidecar. */
  injected: 'security.istio.io/tlsMode',
  /** The injector's word for the pod's service: its label app.kubernetes.io/name, or app. */
  service: 'service.istio.io/canonical-name',
  managedBy: 'app.kubernetes.io/managed-by',
  /** On what is no policy of an experiment, and stays as long as the lab. */
  baseline: 'meshproof.dev/baseline',
} as const;

/** What Istio calls the revision of an installation that names none. */
export const defaultRevision = 'default';

/** Of an Istio that says nothing of it. */
export const trustDomain = 'cluster.local';
/** What the names of Services end with. */
const clusterDomain = 'cluster.local';

/** SPIFFE id of a service account. */
export function spiffeId(namespace: string, serviceAccount: string, domain = trustDomain): string {
  return `spiffe://${domain}/ns/${namespace}/sa/${serviceAccount}`;
}

/** The same as AuthorizationPolicy writes it. */
export function principal(namespace: string, serviceAccount: string, domain = trustDomain): string {
  return spiffeId(namespace, serviceAccount, domain).slice('spiffe://'.length);
}

export function hostOf(service: string, namespace: string): string {
  return `${service}.${namespace}.svc.${clusterDomain}`;
}

/** SNI of a connection to a port of a service. */
export function sniOf(service: string, namespace: string, port: number): string {
  return `outbound_.${port}_._.${hostOf(service, namespace)}`;
}

/**
 * The service of a cluster `outbound|<port>|<subset>|<host>`, where it is in this namespace. In the names of counters a
 * semicolon follows.
 */
export function serviceOfCluster(cluster: string, namespace: string): string | undefined {
  const [, host = ''] = /^outbound\|\d+\|[^|]*\|(.+?);?$/.exec(cluster) ?? [];
  return serviceOfHost(host, namespace);
}

/** The service whose name that is, where it is in this namespace. */
export function serviceOfHost(host: string, namespace: string): string | undefined {
  const [service = ''] = host.split('.', 1);
  return service !== '' && host === hostOf(service, namespace) ? service : undefined;
}

/** How Istio names what the Envoys of a namespace count. All HTTP services on one port share an outbound listener. */
export function istioStatNames(namespace: string): StatNames {
  return {
    isApp: (cluster) => /^inbound\|\d+\|\|;?$/.test(cluster),
    isInbound: (prefix) => /^inbound_[\d.]+_\d+;?$/.test(prefix),
    inboundPort: ports.inbound,
    serviceOf: (cluster) => serviceOfCluster(cluster, namespace),
  };
}
