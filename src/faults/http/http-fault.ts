import { MeshproofError } from '../../base/errors.ts';
import type { FaultSpec } from '../fault.ts';
import type { EnvoyHttpFault } from '../injectors/point/envoy-config.ts';
import type { Calibration, PointEntry } from '../injectors/point/point-log.ts';

/** What a kind reads off the fault point's ledger, beyond the share of requests hit. */
export interface KindMeasure {
  measured: Record<string, number | string>;
  /** Why the fault was not the one that was asked for; empty when it was. */
  problems: string[];
}

/** A fault kind that the HTTP fault point carries out: what Envoy is told, and what the ledger must show. */
export interface HttpFaultKind<S extends FaultSpec = FaultSpec> {
  readonly kind: S['kind'];
  /** @throws MeshproofError MESHPROOF_SCENARIO_INVALID */
  validate(spec: S): void;
  /** The filter's configuration with the given share (0..100) instead of the spec's own. */
  envoyFault(spec: S, percentage: number): EnvoyHttpFault;
  asked(spec: S): Record<string, number | string>;
  /** How long a request may be held by the fault, ms: the time draining may take. */
  holdsMs(spec: S): number;
  measure(spec: S, entries: readonly PointEntry[], calibration: Calibration): KindMeasure;
}

export function invalidFault(spec: FaultSpec, what: string, hint: string): MeshproofError {
  return new MeshproofError('MESHPROOF_SCENARIO_INVALID', `fault ${spec.kind} at ${spec.target}: ${what}`, hint);
}

/** What all HTTP kinds share. */
export function validateHttpFault(spec: FaultSpec): void {
  if (!(spec.percentage > 0 && spec.percentage <= 100)) {
    throw invalidFault(
      spec,
      `percentage ${spec.percentage} is not in (0, 100]`,
      'Say how many of 100 requests are to be hit.',
    );
  }
  if (spec.pathPrefix !== undefined && !spec.pathPrefix.startsWith('/')) {
    throw invalidFault(
      spec,
      `pathPrefix ${JSON.stringify(spec.pathPrefix)} does not start with /`,
      'Write it as in the request line, e.g. /api/trips.',
    );
  }
}
