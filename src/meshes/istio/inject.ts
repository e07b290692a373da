import type { InjectionMarks } from '../injectable.ts';
import { labels } from './names.ts';

/** How Istio's injector is told. */
export const injectionMarks: InjectionMarks = {
  staysOutside: (pod) => pod.labels?.[labels.inject] === 'false',
  // What a sidecar asks of a node: Istio's own defaults (100m, 128Mi) keep a dozen pods from fitting on two cores.
  pod: { annotations: { 'sidecar.istio.io/proxyCPU': '10m', 'sidecar.istio.io/proxyMemory': '64Mi' } },
  namespace: { labels: { [labels.injection]: 'enabled' } },
};
