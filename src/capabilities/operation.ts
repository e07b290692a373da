import { defineGroup } from './define-capability.ts';

const clusterHealthy = { claim: 'cluster-healthy' } as const;

export const operation = defineGroup('operation', {
  'pre-check': 'Check before an install',
  'control-plane-health': { title: 'Health of the control plane', proof: clusterHealthy },
  'data-plane-in-sync': {
    title: 'Every proxy is in sync',
    open: 'health looks at every sidecar before and after, but no control brings one out of sync',
  },
  injection: { title: 'Every pod has its sidecar', proof: { claim: 'mutual-tls' } },
  'without-sidecars': {
    title: 'Pods in the mesh without a sidecar of their own',
    open: 'meshproof proves sidecars only: what stands for them here is in no package registry',
  },
  components: {
    title: 'List of components and versions',
    open: 'every report lists them, as does `meshproof capabilities --lab`; there is nothing to fail in a control',
  },
  overhead: { title: 'Overhead in latency and resources', proof: { claim: 'adds-latency' } },
  'control-plane-outage': 'Traffic while the control plane is away',
  'proxy-upgrade': 'Upgrade of a proxy under load',
  'certificate-day-2': 'A new root of trust on a mesh that runs (day 2)',
});
