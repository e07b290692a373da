import { authorize } from './authorize.ts';
import { mtls } from './mtls.ts';
import { outlierDetection } from './outlier-detection.ts';
import type { IstioRenderers } from './renderer.ts';
import { retryBy } from './retry.ts';
import { timeoutBy } from './timeout.ts';
import { asVirtualService } from './virtual-service.ts';

/** What Istio can do of the policies. */
export const istioPolicies = {
  retry: retryBy(asVirtualService),
  timeout: timeoutBy(asVirtualService),
  'outlier-detection': outlierDetection,
  authorize,
  mtls,
} satisfies IstioRenderers;
