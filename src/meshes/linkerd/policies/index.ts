import { authorize } from './authorize.ts';
import { mtls } from './mtls.ts';
import { outlierDetection } from './outlier-detection.ts';
import type { LinkerdRenderers } from './renderer.ts';
import { retry } from './retry.ts';
import { timeout } from './timeout.ts';

/** What Linkerd can do of the policies. */
export const linkerdPolicies = {
  retry,
  timeout,
  'outlier-detection': outlierDetection,
  authorize,
  mtls,
} satisfies LinkerdRenderers;
