import { defineMesh } from '../define-mesh.ts';
import { istioAdapter } from './adapter.ts';
import { istioDialects } from './dialects.ts';
import { istioCapabilities } from './capabilities.ts';
import { istioGuestRights } from './guest-rights.ts';
import { istioImages } from './images.ts';
import { controlPlane, istioNamespace, labels } from './names.ts';
import { istioPolicies } from './policies/index.ts';
import { checkSetup } from './profiles.ts';
import { istioSmi } from './smi.ts';

/** Programs that are needed with an Istio whose images are ready: those of its release, or of one that is there. */
const aroundIt = ['istioctl', 'envoy', 'iptables', 'iproute2', 'tcpdump'] as const;

export const istio = defineMesh({
  name: 'istio',
  title: 'Istio',
  namespaces: [istioNamespace],
  proxies: 'envoy',
  tools: ['istioctl', 'pilot-discovery', 'pilot-agent', 'envoy', 'iptables', 'iproute2', 'tcpdump'],
  images: istioImages,
  keepOut: { labels: { [labels.inject]: 'false' } },
  signs: {
    controlPlane: [{ labels: `app=${controlPlane}` }],
    invitations: [{ key: labels.injection, unless: 'disabled' }, { key: labels.revision }],
  },
  policies: istioPolicies,
  dialects: istioDialects,
  capabilities: istioCapabilities,
  smi: istioSmi,
  guestRights: istioGuestRights,
  setup: { adopts: aroundIt, check: checkSetup },
  release: {
    tool: 'istioctl',
    tools: aroundIt,
    registry: 'https://index.docker.io/v2/',
    // The first whose `istioctl proxy-status` writes JSON, which health reads.
    since: '1.30.0',
  },
  open: (context) => istioAdapter(context),
});
