import { injectedPods } from '../injected-pods.ts';
import { initContainer, labels, sidecarContainer } from './names.ts';

/** Pods with the sidecar of Istio's injector. */
export const meshedPods = injectedPods({
  sidecar: sidecarContainer,
  init: initContainer,
  injected: labels.injected,
  serviceLabel: labels.service,
  staysOutside: ({ metadata }) => metadata.labels?.[labels.inject] === 'false',
});
