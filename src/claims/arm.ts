import type { AppEdge, RunningApp } from '../apps/app.ts';
import type { Window } from '../base/window.ts';
import type { EvidencePath } from '../evidence/path.ts';
import type { FaultRequest } from '../faults/fault.ts';
import type { RunArm } from '../judge/verdict/judge-arm.ts';
import type { PodRef } from '../kube/types.ts';
import type { LoadTarget } from '../load/load.ts';
import type { Policy } from '../policies/index.ts';
import type { GoldenSignals } from '../observe/telemetry/golden.ts';

/** Left out of the figures around every change (docs/design.md, phases). */
export const transitionMs = 1000;

export type ArmName = 'control' | 'treatment';

/** A fault of the timeline: when it comes into force after the load began, and for how long it is in full force. */
export interface TimelineEntry {
  atMs: number;
  forMs: number;
  fault: FaultRequest;
}

/** One arm, as the engine is to run it: the same lifecycle for every experiment. */
export interface ArmSpec {
  /** Id of the scenario: where its evidence goes. */
  scenario: string;
  name: ArmName;
  /** Where arms alternate: which of its rounds this is, from 1. */
  round?: number | undefined;
  /** The application it runs on: in the mesh, or its unmeshed twin. */
  app: RunningApp;
  /** In force while it runs. Those of arms that run side by side are put in force together. */
  policies: readonly Policy[];
  load: {
    targets: readonly LoadTarget[];
    rps: number;
    clients: number;
    maxVUs: number;
    requestTimeoutMs: number;
    /** k6 script of the app's own, which sends to the services of the targets in its own way. */
    script?: string | undefined;
    /** Planted in every request. */
    token?: string | undefined;
  };
  /** Load before the first fault and after the last; without a fault, `baseline` is all of it. */
  baselineMs: number;
  recoveryMs: number;
  timeline: readonly TimelineEntry[];
  /** Services whose proxies are looked at, beside the load clients' own. */
  watch: readonly string[];
  /** Services that are asked what they count themselves, and what their containers use: at the looks around all of the load. */
  witnesses?: readonly string[] | undefined;
  /** Edges that are captured at both ends. */
  captures?: { edges: readonly AppEdge[]; fresh: (clients: readonly PodRef[]) => Promise<void> } | undefined;
}

/** What an arm’s evidence is kept under: its name, and from the second round on which round it is. */
export function armFolder({ name, round = 1 }: Pick<ArmSpec, 'name' | 'round'>): string {
  return round === 1 ? name : `${name}-${round}`;
}

/** Looks at the proxies (files of ProxySnapshot[]): right before the load, at both ends of the fault's window, after the last request. */
export interface ProxyLooks {
  start: EvidencePath;
  faultStart: EvidencePath;
  faultEnd: EvidencePath;
  end: EvidencePath;
}

/** What an arm left behind, for the judges: evidence files, and what the report shows of it. */
export interface ArmResult {
  spec: ArmSpec;
  report: RunArm;
  /** `fault` is the baseline's window where there was no fault. */
  windows: Record<'baseline' | 'fault' | 'recovery', Window>;
  load: EvidencePath;
  loadFacts: EvidencePath;
  /** How busy the machine was meanwhile: PressureFacts. */
  pressure: EvidencePath;
  /** Of all faults together; undefined without one. */
  ledger?: EvidencePath | undefined;
  receipts?: EvidencePath | undefined;
  proxy: ProxyLooks;
  /** A list, empty when every proxy was there from the first look to the last. */
  proxyProblems: EvidencePath;
  /** Services (and the load client) whose proxies all keep the mesh's own metrics too. */
  meshMetrics: string[];
  captures?: CapturedEdges | undefined;
  /** Of the arm's witnesses; undefined without any. */
  apps?: AppLooks | undefined;
  signals: GoldenSignals[];
}

export type Side = 'client' | 'server';

export interface CapturedEdges {
  /** `captures.json`: what each file holds and how its capture went. */
  captures: EvidencePath;
  /** `witnesses.json`: what others than the packets say of who was there; where TLS hides it. */
  witnesses?: EvidencePath | undefined;
  pcap(edge: AppEdge, side: Side): EvidencePath;
}

/** Files of AppSnapshot[] and ContainerUsage[] from before the load and after it. */
export interface AppLooks {
  counts: { before: EvidencePath; after: EvidencePath };
  usage: { before: EvidencePath; after: EvidencePath };
  /** Why the kubelets told nothing, e.g. of a cluster whose nodes may not be asked. */
  noUsage?: string | undefined;
  /** Services that told their own count at both looks. */
  telling: string[];
}
