import type { CapabilityStatus } from '../../capabilities/cell.ts';
import type { RunCapability } from '../../capabilities/of-run.ts';
import { capabilityCounts } from '../capability-counts.ts';
import type { RunReport } from '../model.ts';
import { StatusBadge } from './status.tsx';
import { Table } from './table.tsx';
import { anchor } from './words.ts';

/** What the mesh can be asked for: proven by this run, or why not. */
export function CapabilitiesSection({ report }: { report: RunReport }) {
  const { capabilities = [] } = report;
  if (capabilities.length === 0) return null;
  const groups = [...new Set(capabilities.map(({ group }) => group))];
  return (
    <section id="capabilities">
      <h2>Capabilities of this mesh</h2>
      <p class="lead">
        Proven is what a scenario of this run proved, with its control. The rest is what the mesh’s documentation says.
      </p>
      {groups.map((group) => {
        const rows = capabilities.filter((row) => row.group === group);
        return (
          <details key={group}>
            <summary>
              {group}: {capabilityCounts(rows)}
            </summary>
            <Table
              label={`Capabilities: ${group}`}
              columns={[{ title: 'Capability' }, { title: 'Status' }, { title: 'By, or why not' }]}
              rows={rows.map((row) => [
                <b>{row.capability}</b>,
                <Badge status={row.status} />,
                <Why row={row} report={report} />,
              ])}
            />
          </details>
        );
      })}
    </section>
  );
}

function Badge({ status }: { status: CapabilityStatus }) {
  if (status === 'proven') return <StatusBadge status="pass">{status}</StatusBadge>;
  if (status === 'supported') return <span class="badge plain">{status}</span>;
  return <StatusBadge status="skipped">{status}</StatusBadge>;
}

function Why({ row: { scenario, reason, source }, report }: { row: RunCapability; report: RunReport }) {
  // A scenario that was tried on each of several services has an article for each.
  const trial = report.scenarios.find(({ tried }) => tried?.scenario === scenario);
  return (
    <span class="wrap">
      {trial !== undefined && <a href={`#${anchor(trial.id)}`}>{scenario}</a>}
      {reason}
      {source !== undefined && reason !== undefined && <span class="note quiet">{source}</span>}
    </span>
  );
}
