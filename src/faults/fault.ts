import type { Stamped } from '../base/host-time.ts';
import type { PodRef } from '../kube/types.ts';

/** What every fault has; its own fields are in the schema of its kind. */
export interface FaultSpec {
  kind: string;
  /** Service whose ready replicas are hit. */
  target: string;
  /** Share of matching requests, 0..100, where a kind hits a share. */
  percentage?: number | undefined;
  /** Only requests whose path starts with this, where a kind can tell them apart. */
  pathPrefix?: string | undefined;
}

/** A fault with all its fields, of whatever kind. */
export type FaultRequest = FaultSpec & Readonly<Record<string, unknown>>;

/** What was asked and what was measured (docs/design.md, fault receipts). */
export interface FaultReceipt {
  kind: string;
  /** `trips/trips-7d9f-abcde`: one receipt per pod, or the service for the sum. */
  target: string;
  /** How it was done: `envoy fault filter behind the sidecar (iptables OUTPUT redirect, uid 1337)`. */
  mechanism: string;
  asked: Record<string, number | string>;
  /** Share of requests hit (with its counts), calibrated delay … */
  measured: Record<string, number | string>;
  /** From the word to go, to what was prepared, to the rule being in force. */
  onsetMs: number;
  /** Epoch ms of the fault being in force, and of its end. */
  startedAt: number;
  endedMs: number;
  undone: boolean;
  /** Empty when it bit as asked; otherwise why the arm is `invalid`. */
  problems: string[];
}

/** What the fault filter did to an attempt. */
export type Effect = 'abort' | 'delay';

/** One request as the fault point saw it: an attempt of a logical request (same id = retried). */
export interface LedgerEntry extends Stamped {
  requestId: string;
  durationMs: number;
  status: number;
  /** The fault acted on this attempt. */
  injected: Effect | undefined;
  /** The caller gave up before the answer (downstream disconnect). */
  cancelled: boolean;
  path: string;
  pod: string;
}

/** What an injection is going to break, so that health, counters and residue judge the rest and nothing else. */
export interface Expected {
  /** Restarts by pod uid. */
  restarts: Record<string, number>;
  /** Uids of pods that will be replaced. */
  replaced: string[];
}

export interface ActiveFault {
  readonly spec: FaultSpec;
  readonly pods: PodRef[];
  readonly expected: Expected;
  /** Begins the undo. Out of force on every pod when it resolves: answers under way and ledgers are left to `undo`. */
  lift(): Promise<void>;
  /** Removes it from every pod; safe to call again; success when the pod is gone. */
  undo(): Promise<void>;
  /** After undo: every attempt seen while it was in force. */
  ledger(): Promise<LedgerEntry[]>;
  /** After undo. */
  receipts(): Promise<FaultReceipt[]>;
}
