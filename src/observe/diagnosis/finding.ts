/** Why a call does not get through, where the mesh is to blame. */
export type Cause =
  'past the proxy (plaintext)' | 'plaintext by the proxy' | 'identity' | 'policy' | 'no sidecar' | 'control plane';

/** What keeps one pod from working: a line of the report, and of a list that must be empty (rule `list-empty`). */
export interface StartFinding {
  service: string;
  /** Its name; the namespace is the app's. */
  pod: string;
  /** `userprofile -> postgres`; `*` for any other service. */
  edge: string;
  cause: Cause;
  /** A sentence that needs no knowledge of the mesh. */
  observed: string;
  /** What it rests on: rules, counters, log lines. */
  evidence: string[];
}

/** A pod that does not work for a reason that is not the mesh's, or that was not found. */
export interface Unexplained {
  service: string;
  pod: string;
  reason: string;
}

export interface StartDiagnosis {
  findings: StartFinding[];
  unexplained: Unexplained[];
}
