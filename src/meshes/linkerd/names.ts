/** Names, ports, labels and annotations that Linkerd gives its parts, and those that meshproof gives its own. */
export const linkerdNamespace = 'linkerd';
/** Deployments of the control plane. */
export const controlPlane = ['linkerd-identity', 'linkerd-destination', 'linkerd-proxy-injector'] as const;

export const ports = {
  /** Metrics, readiness and shutdown; TLS with the proxy's own certificate too. */
  admin: 4191,
  /** Where other proxies connect to. */
  inbound: 4143,
  /** Where redirected outbound connections of the app arrive. */
  outbound: 4140,
} as const;

export const sidecarUid = 2102;
export const sidecarContainer = 'linkerd-proxy';
export const initContainer = 'linkerd-init';

export const labels = {
  /** The injector puts it on every pod that it gave a sidecar; the control plane's own pods have it too. */
  controlPlane: 'linkerd.io/control-plane-ns',
  component: 'linkerd.io/control-plane-component',
  managedBy: 'app.kubernetes.io/managed-by',
} as const;

export const annotations = {
  /** On a pod: `enabled`, or `disabled` to stay outside. */
  inject: 'linkerd.io/inject',
  /** On a Service: ports whose bytes are passed on as they are. */
  opaquePorts: 'config.linkerd.io/opaque-ports',
} as const;

/** What a proxy offers (ALPN) to one that it knows to be a proxy: a header of its own comes first. */
export const transportProtocol = 'transport.l5d.io/v1';

const clusterDomain = 'cluster.local';

/** In DNS, and of its ServiceProfile. */
export function hostName(service: string, namespace: string): string {
  return `${service}.${namespace}.svc.${clusterDomain}`;
}

/** The service of a host name; undefined for one of another namespace. */
export function serviceOf(host: string, namespace: string): string | undefined {
  const rest = `.${namespace}.svc.${clusterDomain}`;
  return host.endsWith(rest) ? host.slice(0, -rest.length) : undefined;
}

const trustDomain = 'cluster.local';
const suffix = `serviceaccount.identity.${linkerdNamespace}.${trustDomain}`;

/** DNS name of a service account in certificates. */
export function identityName(namespace: string, serviceAccount: string): string {
  return `${serviceAccount}.${namespace}.${suffix}`;
}

/** The account of an identity as policies name it: alone in its own namespace, else with its namespace. */
export function accountOf(identity: string, namespace: string): string {
  if (!identity.endsWith(`.${suffix}`)) return identity;
  const own = identity.slice(0, -suffix.length - 1);
  const at = own.lastIndexOf('.');
  const [account, of] = [own.slice(0, at), own.slice(at + 1)];
  return of === namespace ? account : `${of}/${account}`;
}
