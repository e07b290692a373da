import type { Status } from '../../judge/assertion.ts';

/** One check, as in `linkerd check`: a stable id, a sentence, what was seen, and what to do. */
export interface HealthCheck {
  id: string;
  title: string;
  category: 'kubernetes' | 'workloads' | 'dns' | 'mesh' | 'certificates' | 'lab';
  status: Status;
  observed: string;
  hint?: string;
}

export interface HealthSnapshot {
  takenAt: number;
  /** Worst of the checks; a skipped one (its reason is in `observed`) does not lower it. */
  status: Status;
  checks: HealthCheck[];
}

/** What a later snapshot needs to know of an earlier one. */
export interface HealthBaseline {
  /** Time of the newest event seen (ms, 0 for none), by the cluster's clock, so that two clocks are never compared. */
  eventsUntil: number;
  /** By pod uid. */
  pods: Record<string, { name: string; restarts: number }>;
}

export interface HealthResult extends HealthSnapshot {
  baseline: HealthBaseline;
}
