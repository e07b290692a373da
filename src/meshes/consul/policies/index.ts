import { authorize } from './authorize.ts';
import { mtls } from './mtls.ts';
import { outlierDetection } from './outlier-detection.ts';
import type { ConsulRenderers } from './renderer.ts';
import { retry } from './retry.ts';
import { timeout } from './timeout.ts';

/** What Consul can do of the policies. */
export const consulPolicies = {
  retry,
  timeout,
  'outlier-detection': outlierDetection,
  authorize,
  mtls,
} satisfies ConsulRenderers;
