import type { z } from 'zod';
import type { RollbackRegistrar } from '../base/rollback-registrar.ts';
import type { Progress } from '../base/progress.ts';
import type { ImageMap } from '../images/image.ts';
import type { KubeClient, PodRef } from '../kube/types.ts';
import type { AppPath } from '../meshes/adapter.ts';
import type { ActiveFault, Effect, FaultSpec } from './fault.ts';

/** What an injection may use. */
export interface FaultContext {
  kube: KubeClient;
  images: ImageMap;
  /** The target's ready replicas, chosen by uid. */
  pods: PodRef[];
  /** Port the app listens on inside its pod. */
  appPort: number;
  appPath: AppPath;
  rollback: RollbackRegistrar;
  progress: Progress;
  signal: AbortSignal;
  /** The fault takes itself out after this, whatever happened to meshproof. */
  deadManMs: number;
  /** Told when all is in place and only waits for `mayBegin`. */
  onPrepared?: (() => void) | undefined;
  /** It comes into force when this resolves, and is given up when this rejects; what is prepared waits two minutes. Default: at once. */
  mayBegin?: Promise<unknown> | undefined;
  /** How long its containers stay after its end for the ledger to be collected; default a minute. */
  ledgerKeptMs?: number | undefined;
}

/** What a fault needs of the service it hits, checked before anything starts. */
export interface FaultRequirements {
  /** Protocol that the service must speak. */
  protocol?: 'http' | undefined;
}

export interface FaultEntry<Schema extends z.ZodObject = z.ZodObject, Kind extends string = string> {
  readonly kind: Kind;
  readonly title: string;
  /** Fields of the fault in a scenario file; `kind` and an optional `target` are among them. */
  readonly schema: Schema;
  readonly requires: FaultRequirements;
  /** What the ledger says of an attempt that it hit. */
  readonly effect: Effect;
  /** How long a request may be held by it, ms. */
  holdsMs(spec: z.output<Schema>): number;
  /** In force on every given pod when it resolves; on failure nothing stays. @throws MeshproofError MESHPROOF_FAULT_START */
  inject(spec: z.output<Schema> & FaultSpec, context: FaultContext): Promise<ActiveFault>;
}

export function defineFault<Schema extends z.ZodObject, Kind extends string>(
  entry: FaultEntry<Schema, Kind>,
): FaultEntry<Schema, Kind> {
  return entry;
}
