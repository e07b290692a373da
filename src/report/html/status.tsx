import type { Status } from '../../judge/assertion.ts';
import type { VerdictStatus } from '../model.ts';

type Shown = Status | VerdictStatus;

/** Shape, word and color each tell the status alone. Paths in a 16 x 16 box. */
const shapes: Record<Status, string> = {
  pass: 'M3.2 8.6 6.6 12 12.8 4.6',
  fail: 'M4 4 12 12M12 4 4 12',
  error: 'M8 3v6M8 12.4v.2',
  invalid: 'M5.4 5.8a2.6 2.6 0 1 1 3.7 2.5c-.8.4-1.1.8-1.1 1.7M8 12.6v.2',
  skipped: 'M3.5 4.5 8 8l-4.5 3.5M8.5 4.5 13 8l-4.5 3.5',
};

const kinds: Record<VerdictStatus, Status> = {
  healthy: 'pass',
  unhealthy: 'fail',
  inconclusive: 'invalid',
  error: 'error',
};

export function kindOf(status: Shown): Status {
  return status in kinds ? kinds[status as VerdictStatus] : (status as Status);
}

export function StatusIcon({ status }: { status: Shown }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={shapes[kindOf(status)]} />
    </svg>
  );
}

export function StatusBadge({ status, children }: { status: Shown; children?: string }) {
  return (
    <span class={`badge ${kindOf(status)}`}>
      <StatusIcon status={status} />
      {children ?? status}
    </span>
  );
}
