import type { Status } from '../../judge/assertion.ts';
import type { HealthCheck } from '../../observe/health/health.ts';
import type { RunReport } from '../model.ts';
import { StatusBadge } from './status.tsx';
import { Table } from './table.tsx';
import { nothing } from './words.ts';

/** Each check beside itself: before all faults and after them. */
export function HealthSection({ report }: { report: RunReport }) {
  const { before, after } = report.health;
  const checks = new Map<string, { before?: HealthCheck; after?: HealthCheck }>();
  for (const check of before?.checks ?? []) checks.set(check.id, { before: check });
  for (const check of after?.checks ?? []) checks.set(check.id, { ...checks.get(check.id), after: check });
  if (checks.size === 0) return null;
  const rows = [...checks].map(([id, pair]) => {
    const last = pair.after ?? pair.before!;
    return [
      <>
        <b>{last.title}</b>
        <span class="note quiet">
          {last.category} · <code>{id}</code>
        </span>
      </>,
      pair.before ? <StatusBadge status={pair.before.status} /> : nothing,
      pair.after ? <StatusBadge status={pair.after.status} /> : nothing,
      <span class="wrap">
        {last.observed}
        {last.hint && last.status !== 'pass' && <span class="hint">{last.hint}</span>}
      </span>,
    ];
  });
  const bad = (status: Status): boolean => status !== 'pass' && status !== 'skipped';
  const open = [...checks.values()].some(
    (pair) => bad(pair.before?.status ?? 'pass') || bad(pair.after?.status ?? 'pass'),
  );
  return (
    <section id="health">
      <h2>Cluster health</h2>
      <p class="lead">The same checks before the first fault and after the last one.</p>
      <details open={open}>
        <summary>
          {checks.size} checks, {before ? before.status : 'not made'} before, {after ? after.status : 'not made'} after
        </summary>
        <Table
          label="Health checks"
          columns={[{ title: 'Check' }, { title: 'Before' }, { title: 'After' }, { title: 'Observed' }]}
          rows={rows}
        />
      </details>
    </section>
  );
}
