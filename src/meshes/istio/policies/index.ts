import { authorize } from './authorize.ts';
import { mtls } from './mtls.ts';
import { outlierDetection } from './outlier-detection.ts';
import type { IstioRenderers } from './renderer.ts';
import { retry } from './retry.ts';
import { timeout } from './timeout.ts';

/** What Istio can do of the policies. */
export const istioPolicies = {
  retry,
  timeout,
  'outlier-detection': outlierDetection,
  authorize,
  mtls,
} satisfies IstioRenderers;
