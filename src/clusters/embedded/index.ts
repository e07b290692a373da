import { defineCluster } from '../provider.ts';

export const embedded = defineCluster({
  name: 'embedded',
  title:
    'Real Kubernetes, up to five nodes, in namespaces of this machine; needs Linux and root, no Docker, no registry',
  capabilities: { capture: true, images: 'archive', nodeAccess: true, ownsState: true },
  load: async () => (await import('./embedded-provider.ts')).embeddedProvider,
});
