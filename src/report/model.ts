import type { RunCapability } from '../capabilities/of-run.ts';
import type { Tried } from '../capabilities/proof.ts';
import type { Assertion, Status } from '../judge/assertion.ts';
import type { LedgerFacts } from '../judge/ledger.ts';
import type { EvidencePath } from '../evidence/path.ts';
import type { Timing } from '../base/progress.ts';
import type { WireProof } from '../observe/capture/wire.ts';
import type { FaultReceipt } from '../faults/fault.ts';
import type { HealthSnapshot } from '../observe/health/health.ts';
import type { ExitCode } from '../base/errors.ts';
import type { MeshComponent, MeshInstallation } from '../meshes/adapter.ts';
import type { GoldenSignals, LoadFigures } from '../observe/telemetry/golden.ts';

/** report.json: pure data. Writers read it, nothing else does. Additive changes keep schemaVersion. */
export interface RunReport {
  schemaVersion: 1;
  tool: { version: string; commit: string };
  runId: string;
  seed: number;
  startedAt: string;
  durationMs: number;
  command: string[];
  host: {
    os: string;
    kernel: string;
    cpus: number;
    memoryBytes: number;
    /** Decided by probing: `{ 'cluster.embedded': 'usable: Linux, root …', 'fault.http': 'envoy behind the sidecar …' }`. */
    mechanisms: Record<string, string>;
  };
  cluster?: { provider: string; kubernetesVersion: string; nodes: { name: string; kubeletVersion: string }[] };
  mesh?: {
    name: string;
    version: string;
    /** Left out for a mesh that is installed in one way only. */
    installation?: MeshInstallation;
    components: MeshComponent[];
    caveats: string[];
  };
  /** Of `verify`: what was looked at. Nothing was injected, so no claim has a control. */
  lookedAt?: { context: string; namespace: string; windowSeconds: number };
  verdict: Verdict;
  criteria: Criterion[];
  scenarios: ScenarioReport[];
  signals: GoldenSignals[];
  /** What the mesh can be asked for, and what of it this run proved. */
  capabilities?: RunCapability[];
  health: { before?: HealthSnapshot; after?: HealthSnapshot };
  /** Assertions that belong to the run, not to a scenario: residue, cleanup, sidecars present. */
  assertions: Assertion[];
  errors: { code: string; message: string; hint: string; scenario?: string }[];
  timings: Timing[];
  evidence: { path: EvidencePath; sha256: string; bytes: number }[];
}

export type VerdictStatus = 'healthy' | 'unhealthy' | 'inconclusive' | 'error';

export interface Verdict {
  status: VerdictStatus;
  exitCode: ExitCode;
  /** One line that names the broken thing. */
  summary: string;
  counts: Record<Status, number>;
  interrupted: boolean;
}

export interface Criterion {
  id: string;
  title: string;
  status: Status;
  /** In a coach's words: how the control failed, how the treatment held. */
  why: string;
  scenarios: string[];
  /** The two halves of `why`, and what the arms are called in it (`With retries switched off`). */
  control?: string;
  treatment?: string;
  words?: { control: string; treatment: string } | undefined;
}

export interface ScenarioReport {
  id: string;
  title: string;
  criterion: string;
  status: Status;
  reason: string;
  durationMs: number;
  /** What a pass of it proves. */
  tried?: Tried;
  arms: ArmReport[];
  assertions: Assertion[];
}

export interface ArmReport {
  name: 'control' | 'treatment';
  /** `invalid` when the experiment itself did not work (fault did not bite, load dropped …). */
  status: Status;
  problems: string[];
  phases: PhaseReport[];
  faults: FaultReceipt[];
  wire: WireProof[];
}

export interface PhaseReport {
  name: 'baseline' | 'fault' | 'recovery';
  startedAt: string;
  endedAt: string;
  load: LoadFigures;
  ledger?: LedgerFacts;
  /** One point a second: t in seconds since the arm's load began. */
  series: { t: number; rps: number; errorsPerSecond: number; p50Ms: number | null; p99Ms: number | null }[];
}
