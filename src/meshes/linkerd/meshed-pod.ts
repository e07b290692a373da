import { injectedPods } from '../injected-pods.ts';
import { annotations, initContainer, labels, sidecarContainer } from './names.ts';

/** Pods with the sidecar of Linkerd's injector; the control plane's own proxies apart. */
export const meshedPods = injectedPods({
  sidecar: sidecarContainer,
  init: initContainer,
  injected: `${labels.controlPlane},!${labels.component}`,
  staysOutside: ({ metadata }) => metadata.annotations?.[annotations.inject] === 'disabled',
});
