import type { StatNames } from '../envoy/snapshot.ts';

/** Ports, names and labels that the control plane, the injected pods and the readers of both agree on. */
export const ports = {
  /** Envoy's public listener: mutual TLS from other sidecars. */
  inbound: 20000,
  /** Where redirected outbound connections of the app arrive. */
  outbound: 15001,
  /** Envoy admin, on loopback only. */
  admin: 19000,
  /** Says whether the app accepts connections; asked by Consul's health check. Never forwards anything to the app. */
  ready: 20300,
  /** Consul API with TLS (sidecars), without (loopback of the server pod only), and xDS with TLS. */
  https: 8501,
  http: 8500,
  xds: 8503,
} as const;

export const consulNamespace = 'consul';
export const serverName = 'consul-server';
/** Name by which sidecars reach the server; its certificate carries it. */
export const serverHost = `${serverName}.${consulNamespace}.svc`;
export const datacenter = 'dc1';
export const authMethod = 'kubernetes';

/** The sidecar runs as this user, so that iptables can tell its connections from the app's. */
export const sidecarUid = 1337;
export const sidecarContainer = 'mesh-envoy';
export const initContainer = 'mesh-init';
/** Path of pod/main.ts, bundled, in the sidecar's image. */
export const podProgram = '/opt/meshproof/mesh-pod.mjs';

export const labels = {
  /** On a pod template: `false` keeps the pod out of the mesh. */
  mesh: 'meshproof.dev/mesh',
  /** Put on every injected pod; the value is the mesh. */
  injected: 'meshproof.dev/mesh-injected',
} as const;

export const annotations = {
  /** Service name when the label `app` does not say it. */
  service: 'meshproof.dev/service',
  /** Broken on purpose, for tests: registers without the ClusterIP, so callers pass through in plaintext. */
  noVirtualAddress: 'meshproof.dev/no-virtual-address',
} as const;

export const volumes = {
  /** Memory: token and bootstrap of one pod. */
  state: { name: 'mesh-state', path: '/mesh/state' },
  config: { name: 'mesh-config', path: '/mesh/config' },
  identity: { name: 'mesh-identity', path: '/mesh/identity' },
} as const;

/** SPIFFE id of a service in Consul CE. */
export function spiffeId(trustDomain: string, service: string): string {
  return `spiffe://${trustDomain}/ns/default/dc/${datacenter}/svc/${service}`;
}

/** SNI of a connection to a service, and the name of its cluster in every caller's Envoy. */
export function clusterName(trustDomain: string, service: string): string {
  return `${service}.default.${datacenter}.internal.${trustDomain}`;
}

/** The service of an Envoy cluster name, or undefined if the cluster is not one of the mesh. */
export function serviceOfCluster(name: string): string | undefined {
  return /^([a-z0-9-]+)\.default\.dc1\.internal\.[0-9a-f-]+\.consul$/.exec(name)?.[1];
}

/** How Consul names what its Envoys count. */
export const consulStatNames: StatNames = {
  isApp: (cluster) => cluster === 'local_app',
  isInbound: (prefix) => prefix === 'public_listener',
  inboundPort: ports.inbound,
  serviceOf: serviceOfCluster,
  outboundPrefix: (service) => `upstream.${service}.default.default.dc1`,
};
