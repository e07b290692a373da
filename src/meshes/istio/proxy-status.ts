import type { MeshCheck, MeshLook } from '../adapter.ts';
import type { IstioInstallation } from './installation.ts';
import { istioctl, whichIstio, type Istioctl } from './istioctl.ts';

/** What istiod knows of one proxy, of `istioctl proxy-status -o json` (envoy.service.status.v3.ClientConfig). */
export interface ProxyStatus {
  node: { id: string };
  /** By kind of configuration; `configStatus` is left out where it is UNKNOWN. */
  genericXdsConfigs?: { typeUrl: string; configStatus?: string }[];
}

/** Sent and taken, or nothing to send. */
const inSync = new Set(['SYNCED', 'NOT_SENT', 'UNKNOWN']);

/**
 * Whether every proxy has taken what istiod sent it last: istiod's side of what `mesh/sidecars` asks the proxies.
 *
 * @param namespace of the application: of an Istio that was there, the proxies of others are no business of the lab
 */
export function proxyStatus(context: Istioctl, istio: () => Promise<IstioInstallation>, namespace: string): MeshCheck {
  return {
    id: 'mesh/istioctl-proxy-status',
    title: 'istiod says that every proxy is in sync with it',
    category: 'mesh',
    async look() {
      const installation = await istio();
      const said = await istioctl(context, ['proxy-status', ...whichIstio(installation), '--output', 'json']);
      return judgeProxyStatus(parseProxyStatus(said), installation.adopted ? namespace : undefined);
    },
  };
}

/** A document for each istiod, one behind the other. */
export function parseProxyStatus(output: string): ProxyStatus[] {
  return output
    .split(/^(?=\{)/m)
    .filter((part) => part.trim() !== '')
    .flatMap((part) => (JSON.parse(part) as { resources?: ProxyStatus[] }).resources ?? []);
}

/** Pure. @param only proxies of this namespace; default: all */
export function judgeProxyStatus(all: readonly ProxyStatus[], only?: string): MeshLook {
  const proxies = all.filter(({ node }) => only === undefined || nameOf(node.id).endsWith(`.${only}`));
  const problems = proxies.flatMap(({ node, genericXdsConfigs = [] }) =>
    genericXdsConfigs
      .filter(({ configStatus = 'UNKNOWN' }) => !inSync.has(configStatus))
      .map(({ typeUrl, configStatus }) => `${nameOf(node.id)}: ${typeUrl.split('.').at(-1)} is ${configStatus}`),
  );
  if (proxies.length === 0) problems.push('istiod knows no proxy');
  return {
    problems,
    passing: problems.length > 0,
    fine: `${proxies.length} proxies`,
    hint: 'STALE: istiod sent it and the proxy did not answer; ERROR: the proxy refused it. See the proxy’s log.',
  };
}

/** `sidecar~10.0.0.7~web-1.shop~shop.svc.cluster.local`, or without the kind and address. */
function nameOf(id: string): string {
  return id.split('~')[2] ?? id;
}
