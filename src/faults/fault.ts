import type { PodRef } from '../kube/types.ts';

/** What a scenario may ask for. One file per kind implements it; new kinds join this union. */
export type FaultSpec = HttpAbortFault | HttpDelayFault;

interface HttpFault {
  /** Service whose ready replicas are hit. */
  target: string;
  /** Share of matching requests, 0..100. */
  percentage: number;
  /** Only requests whose path starts with this. */
  pathPrefix?: string;
}

export interface HttpAbortFault extends HttpFault {
  kind: 'http-abort';
  status: number;
}

export interface HttpDelayFault extends HttpFault {
  kind: 'http-delay';
  delayMs: number;
}

/** What was asked and what was measured (design, rule 2). */
export interface FaultReceipt {
  kind: FaultSpec['kind'];
  /** `trips/trips-7d9f-abcde`: one receipt per pod, or the service for the sum. */
  target: string;
  /** How it was done: `envoy fault filter behind the sidecar (iptables OUTPUT redirect, uid 1337)`. */
  mechanism: string;
  asked: Record<string, number | string>;
  /** Share of requests hit (with its counts), calibrated delay … */
  measured: Record<string, number | string>;
  /** From the start of injection to the rule being in force. */
  onsetMs: number;
  /** Epoch ms of the fault being in force, and of its end. */
  startedAt: number;
  endedMs: number;
  undone: boolean;
  /** Empty when it bit as asked; otherwise why the arm is `invalid`. */
  problems: string[];
}

/** One request as the fault point saw it: an attempt of a logical request (same id = retried). */
export interface LedgerEntry {
  requestId: string;
  startedAt: number;
  durationMs: number;
  status: number;
  /** The fault filter acted on this attempt. */
  injected: 'abort' | 'delay' | undefined;
  /** The caller gave up before the answer (downstream disconnect). */
  cancelled: boolean;
  path: string;
  pod: string;
}

export interface ActiveFault {
  readonly spec: FaultSpec;
  readonly pods: PodRef[];
  /** Removes it from every pod; safe to call twice; success when the pod is gone. */
  undo(): Promise<void>;
  /** After undo: every attempt seen while it was in force. */
  ledger(): Promise<LedgerEntry[]>;
  /** After undo. */
  receipts(): Promise<FaultReceipt[]>;
}
