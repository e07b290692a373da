import { defineMesh } from '../define-mesh.ts';
import { consulAdapter } from './adapter.ts';
import { consulCapabilities } from './capabilities.ts';
import { consulGuestRights } from './guest-rights.ts';
import { consulImages } from './images.ts';
import { consulNamespace, labels, serverName } from './names.ts';
import { consulPolicies } from './policies/index.ts';
import { consulSmi } from './smi.ts';

export const consul = defineMesh({
  name: 'consul',
  title: 'Consul',
  namespaces: [consulNamespace],
  proxies: 'envoy',
  tools: ['consul', 'envoy', 'iptables', 'iproute2', 'tcpdump'],
  images: consulImages,
  keepOut: { labels: { [labels.mesh]: 'false' } },
  signs: {
    controlPlane: [
      { labels: `app=${serverName}`, namespace: consulNamespace },
      // Of its Helm chart. A server alone may be there as a key-value store.
      { labels: 'app=consul,component=connect-injector' },
    ],
    // Its injector is asked by pods, not by namespaces.
    invitations: [],
  },
  policies: consulPolicies,
  capabilities: consulCapabilities,
  smi: consulSmi,
  guestRights: consulGuestRights,
  open: (context) => consulAdapter(context),
});
