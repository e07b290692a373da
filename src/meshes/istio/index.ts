import { defineMesh } from '../define-mesh.ts';
import { istioAdapter } from './adapter.ts';
import { istioDialects } from './dialects.ts';
import { istioCapabilities } from './capabilities.ts';
import { istioImages } from './images.ts';
import { controlPlane, istioNamespace, labels } from './names.ts';
import { istioPolicies } from './policies/index.ts';
import { checkSetup } from './profiles.ts';
import { istioSmi } from './smi.ts';

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
  setup: { adopts: ['istioctl', 'envoy', 'iptables', 'iproute2', 'tcpdump'], check: checkSetup },
  open: (context) => istioAdapter(context),
});
