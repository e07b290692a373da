import { addsLatency } from './adds-latency.ts';
import { boundsLatency, type AskedBoundsLatency } from './bounds-latency.ts';
import { clusterHealthy } from './cluster-healthy.ts';
import type { ClaimEntry } from './define-claim.ts';
import { goldenSignals } from './golden-signals.ts';
import { mutualTls } from './mutual-tls.ts';
import { recoversErrors, type AskedRecoversErrors } from './recovers-errors.ts';
import { sameCode } from './same-code.ts';

/** Every kind of claim. A new one is a file of its own and a line here. */
export const claims = [
  recoversErrors,
  boundsLatency,
  mutualTls,
  goldenSignals,
  sameCode,
  addsLatency,
  clusterHealthy,
  // Each entry's methods take its own scenario; whoever calls them has parsed it with the entry's schema.
] as unknown as readonly ClaimEntry[];

/** A claim of its own fields, as scenario files have it; the others are said by their experiment alone. */
export type AskedClaim = AskedRecoversErrors | AskedBoundsLatency;
