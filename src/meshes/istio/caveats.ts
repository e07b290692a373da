import type { IstioInstallation } from './installation.ts';

const always = [
  'All HTTP services on one port share an outbound listener: the latency of an edge is that of Envoy’s cluster, which lacks requests that ran into the route’s timeout.',
  'A server’s sidecar asks its app twice more by itself where a connection was reset before the request was sent; this version of Istio cannot switch that off. Answers of the app, as faults give them, are not tried again there.',
];

/** What a report must state of this Istio. Pure. */
export function caveatsOf(
  installation: IstioInstallation | undefined,
  version: string | undefined,
  { guest = false }: { guest?: boolean } = {},
): string[] {
  if (installation?.adopted !== true) {
    if (installation?.release !== undefined)
      return [
        `Istio ${installation.release} is its makers’ own release. That its images are signed by them was not checked: they are what their registry has under that version.`,
        ...always,
      ];
    return [
      'The proxies are a plain Envoy, not Istio’s own build: its filters for peer metadata and for istio_* metrics are switched off, and figures come from Envoy’s counters of clusters and listeners.',
      ...always,
    ];
  }
  const { namespace, revision, tags } = installation;
  const names = tags.length > 0 ? ` (${tags.length === 1 ? 'tag' : 'tags'} ${tags.join(', ')})` : '';
  if (guest)
    return [
      `Istio ${version ?? 'of unknown version'} of revision ${revision}${names} in namespace ${namespace} was looked at, and nothing of it was changed.`,
      ...always,
    ];
  return [
    `Istio ${version ?? 'of unknown version'} was there before and was adopted: revision ${revision}${names}, in namespace ${namespace}. Nothing of it was changed.`,
    'That proxies keep all counters and let go of old connections after 2 s is an annotation of the app’s pods (proxy.istio.io/config), and that they take mutual TLS only a PeerAuthentication of the app’s namespace: without meshproof this Istio may do otherwise.',
    'Figures come from Envoy’s counters of clusters and listeners; where Istio’s own proxies have istio_* metrics, these are held against them.',
    ...always,
  ];
}
