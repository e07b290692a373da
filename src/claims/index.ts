import { boundsLatency } from './bounds-latency.ts';
import { clusterHealthy } from './cluster-healthy.ts';
import type { ClaimEntry } from './define-claim.ts';
import { goldenSignals } from './golden-signals.ts';
import { mutualTls } from './mutual-tls.ts';
import { recoversErrors } from './recovers-errors.ts';
import { sameCode } from './same-code.ts';

/** Every kind of claim. A new one is a file of its own and a line here. */
export const claims = [
  recoversErrors,
  boundsLatency,
  mutualTls,
  goldenSignals,
  sameCode,
  clusterHealthy,
  // Each entry's methods take its own scenario; whoever calls them has parsed it with the entry's schema.
] as unknown as readonly ClaimEntry[];
