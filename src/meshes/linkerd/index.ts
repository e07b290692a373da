import { defineMesh } from '../define-mesh.ts';
import { linkerdAdapter } from './adapter.ts';
import { linkerdCapabilities } from './capabilities.ts';
import { linkerdDialects } from './dialects.ts';
import { linkerdImages } from './images.ts';
import { annotations, labels, linkerdNamespace } from './names.ts';
import { linkerdPolicies } from './policies/index.ts';
import { linkerdSmi } from './smi.ts';

export const linkerd = defineMesh({
  name: 'linkerd',
  title: 'Linkerd',
  namespaces: [linkerdNamespace],
  proxies: 'own',
  tools: ['linkerd', 'iptables'],
  images: linkerdImages,
  keepOut: { annotations: { [annotations.inject]: 'disabled' } },
  signs: {
    controlPlane: [{ labels: labels.component }],
    invitations: [{ key: annotations.inject, unless: 'disabled' }],
  },
  policies: linkerdPolicies,
  dialects: linkerdDialects,
  capabilities: linkerdCapabilities,
  smi: linkerdSmi,
  open: (context) => linkerdAdapter(context),
});
