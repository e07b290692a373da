import type { Effect, FaultSpec } from '../../fault.ts';
import type { EnvoyHttpFault } from './envoy-config.ts';
import type { Calibration, PointEntry } from './point-log.ts';

/** What a fault kind reads off the fault point's ledger, beyond the share of requests hit. */
export interface KindMeasure {
  measured: Record<string, number | string>;
  /** Why the fault was not the one that was asked for; empty when it was. */
  problems: string[];
}

/** What all faults on HTTP requests have. */
export interface HttpFaultSpec extends FaultSpec {
  percentage: number;
}

/** What the fault point needs to know of a fault on HTTP requests: what Envoy is told, and what the ledger must show. */
export interface PointFault<Spec extends HttpFaultSpec = HttpFaultSpec> {
  readonly effect: Effect;
  /** The filter's configuration with the given share (0..100) instead of the spec's own. */
  envoyFault(spec: Spec, percentage: number): EnvoyHttpFault;
  asked(spec: Spec): Record<string, number | string>;
  /** How long a request may be held by the fault, ms: the time draining may take. */
  holdsMs(spec: Spec): number;
  measure(spec: Spec, entries: readonly PointEntry[], calibration: Calibration): KindMeasure;
}
