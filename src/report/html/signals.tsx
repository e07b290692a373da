import type { GoldenSignals } from '../../observe/telemetry/golden.ts';
import type { RunReport } from '../model.ts';
import { Table } from './table.tsx';
import { quantileText, signalsScenario } from '../signal-text.ts';
import { nothing, rateText, shareText } from './words.ts';

/** Latency, traffic, errors, saturation: per scenario, since hundreds of rows in one table are read by nobody. */
export function SignalsSection({ report }: { report: RunReport }) {
  if (report.signals.length === 0) return null;
  const scenarios = [...new Set(report.signals.map(({ scenario }) => scenario))];
  const opened = signalsScenario(report.signals);
  return (
    <section id="signals">
      <h2>Golden signals</h2>
      <p class="lead">
        Latency, traffic, errors and saturation of every edge, by the proxies and, where it called, by k6.
      </p>
      {scenarios.map((scenario) => (
        <details key={scenario} open={scenario === opened}>
          <summary>{scenario}</summary>
          <Table
            label={`Golden signals of ${scenario}`}
            columns={[
              { title: 'Edge' },
              { title: 'Arm, phase' },
              { title: 'By' },
              { title: 'Per second', numeric: true },
              { title: 'Success', numeric: true },
              { title: 'Errors per second', numeric: true },
              { title: 'p50', numeric: true },
              { title: 'p95', numeric: true },
              { title: 'p99', numeric: true },
              { title: 'Saturation' },
            ]}
            rows={report.signals.filter((signal) => signal.scenario === scenario).map(row)}
          />
        </details>
      ))}
    </section>
  );
}

function row(signal: GoldenSignals) {
  return [
    <b class="nowrap">
      {signal.source && signal.source !== '*' ? `${signal.source} → ${signal.destination}` : signal.destination}
    </b>,
    `${signal.arm}, ${signal.phase}`,
    signal.reporter,
    signal.protocol === 'tcp' ? 'TCP' : rateText(signal.rps),
    shareText(signal.successRate),
    signal.protocol === 'tcp' ? nothing : rateText(signal.errorsPerSecond),
    ...(['p50', 'p95', 'p99'] as const).map((name) => quantileText(signal, name)),
    Object.entries(signal.saturation)
      .map(([name, value]) => saturation(name, value))
      .join(', ') || nothing,
  ];
}

function saturation(name: string, value: number): string {
  if (/bytes$/i.test(name)) return `${name.replace(/bytes$/i, '')} ${(value / 2 ** 20).toFixed(1)} MiB`;
  return `${name.replace(/([A-Z])/g, ' $1').toLowerCase()} ${Number(value.toFixed(2))}`;
}
