import type { ArmReport, ScenarioReport } from '../model.ts';
import { ArmCharts } from './arm-charts.tsx';
import { Assertions } from './assertions.tsx';
import { StatusBadge } from './status.tsx';
import { Table } from './table.tsx';
import { anchor, countText, durationText, msText, nothing, rateText, shareText } from './words.ts';

export function ScenarioSection({ scenario }: { scenario: ScenarioReport }) {
  const { id, title, status, reason, durationMs, arms, assertions } = scenario;
  return (
    <article class="scenario" id={anchor(id)}>
      <header>
        <StatusBadge status={status} />
        <h3>{title}</h3>
        <p class="quiet">
          <code>{id}</code> · {durationText(durationMs)}
        </p>
        {reason && <p class="reason">{reason}</p>}
      </header>
      <Problems arms={arms} />
      <ArmCharts scenario={scenario} />
      <Assertions assertions={assertions} label={`Assertions of ${id}`} />
      <PhaseTable arms={arms} />
      <FaultTable arms={arms} />
      <LedgerTable arms={arms} />
    </article>
  );
}

function Problems({ arms }: { arms: readonly ArmReport[] }) {
  const broken = arms.filter(({ problems }) => problems.length > 0);
  if (broken.length === 0) return null;
  return (
    <ul class="problems">
      {broken.flatMap(({ name, problems }) =>
        problems.map((problem) => (
          <li key={`${name} ${problem}`}>
            <b>{name} arm</b> {problem}
          </li>
        )),
      )}
    </ul>
  );
}

function PhaseTable({ arms }: { arms: readonly ArmReport[] }) {
  const rows = arms.flatMap(({ name, phases }) =>
    phases.map(({ name: phase, load }) => [
      name,
      phase,
      countText(load.requests),
      rateText(load.rps),
      shareText(load.successRate),
      msText(load.p50Ms),
      msText(load.p95Ms),
      msText(load.p99Ms),
      countText(load.dropped),
    ]),
  );
  if (rows.length === 0) return null;
  return (
    <details>
      <summary>Load by phase</summary>
      <Table
        label="Load by phase"
        columns={[
          { title: 'Arm' },
          { title: 'Phase' },
          { title: 'Requests', numeric: true },
          { title: 'Per second', numeric: true },
          { title: 'Success', numeric: true },
          { title: 'p50', numeric: true },
          { title: 'p95', numeric: true },
          { title: 'p99', numeric: true },
          { title: 'Dropped', numeric: true },
        ]}
        rows={rows}
      />
    </details>
  );
}

function FaultTable({ arms }: { arms: readonly ArmReport[] }) {
  const rows = arms.flatMap(({ name, faults }) =>
    faults.map(({ kind, target, mechanism, asked, measured, onsetMs, undone, problems }) => [
      name,
      <>
        <b>{kind}</b> <span class="note quiet">{target}</span>
      </>,
      facts(asked),
      facts(measured),
      msText(onsetMs),
      problems.length > 0 ? (
        <StatusBadge status="invalid">did not bite</StatusBadge>
      ) : undone ? (
        <StatusBadge status="pass">undone</StatusBadge>
      ) : (
        <StatusBadge status="fail">left in force</StatusBadge>
      ),
      <span class="wrap">{[...problems, mechanism].join('; ')}</span>,
    ]),
  );
  if (rows.length === 0) return null;
  return (
    <details>
      <summary>Fault receipts</summary>
      <Table
        label="Fault receipts"
        columns={[
          { title: 'Arm' },
          { title: 'Fault' },
          { title: 'Asked' },
          { title: 'Measured' },
          { title: 'Onset', numeric: true },
          { title: 'State' },
          { title: 'How' },
        ]}
        rows={rows}
      />
    </details>
  );
}

function facts(values: Record<string, number | string>): string {
  const entries = Object.entries(values);
  return entries.length === 0 ? nothing : entries.map(([key, value]) => `${key} ${value}`).join(', ');
}

function LedgerTable({ arms }: { arms: readonly ArmReport[] }) {
  const rows = arms.flatMap(({ name, phases }) =>
    phases.flatMap(({ name: phase, ledger }) =>
      ledger
        ? [
            [
              name,
              phase,
              countText(ledger.requests),
              countText(ledger.attempts),
              countText(ledger.injected),
              countText(ledger.recovered),
              ledger.amplification?.toFixed(3) ?? nothing,
              Object.entries(ledger.attemptsHistogram)
                .map(([attempts, requests]) => `${attempts}: ${countText(requests)}`)
                .join(', '),
            ],
          ]
        : [],
    ),
  );
  if (rows.length === 0) return null;
  return (
    <details>
      <summary>Ledger: attempts counted at the server</summary>
      <Table
        label="Ledger"
        columns={[
          { title: 'Arm' },
          { title: 'Phase' },
          { title: 'Requests', numeric: true },
          { title: 'Attempts', numeric: true },
          { title: 'Faults', numeric: true },
          { title: 'Recovered', numeric: true },
          { title: 'Per request', numeric: true },
          { title: 'Requests by attempts' },
        ]}
        rows={rows}
      />
    </details>
  );
}
