import type { ArmReport, ScenarioReport } from '../model.ts';
import { renderChart, roundStep, type ChartSpec } from './chart.ts';
import { anchor } from './words.ts';

interface ArmSeries {
  arm: ArmReport;
  success: [number, number | null][];
  p50: [number, number | null][];
  p99: [number, number | null][];
  faultWindow?: [number, number];
}

function seriesOf(arm: ArmReport): ArmSeries {
  const points = arm.phases.flatMap(({ series }) => series).sort((a, b) => a.t - b.t);
  const begin = Date.parse(arm.phases[0]?.startedAt ?? '');
  const fault = arm.phases.find(({ name }) => name === 'fault');
  const faulted = arm.faults.length > 0 && fault;
  return {
    arm,
    success: points.map(({ t, rps, errorsPerSecond }) => [t, rps > 0 ? (1 - errorsPerSecond / rps) * 100 : null]),
    p50: points.map(({ t, p50Ms }) => [t, p50Ms]),
    p99: points.map(({ t, p99Ms }) => [t, p99Ms]),
    ...(faulted && {
      faultWindow: [fault.startedAt, fault.endedAt].map((at) => (Date.parse(at) - begin) / 1000) as [number, number],
    }),
  };
}

/** Success and latency over time, both arms on the same axes. */
export function ArmCharts({ scenario }: { scenario: ScenarioReport }) {
  const arms = scenario.arms.map(seriesOf).filter(({ success }) => success.length > 1);
  if (arms.length === 0) return null;
  const xMax = Math.ceil(Math.max(...arms.flatMap(({ success }) => success.map(([t]) => t + 1))));
  const values = (pick: (series: ArmSeries) => [number, number | null][]): number[] =>
    arms.flatMap((series) => pick(series).flatMap(([, value]) => (value === null ? [] : [value])));
  const lowest = Math.min(100, ...values(({ success }) => success));
  const yMin = lowest >= 95 ? 90 : Math.max(0, Math.floor(lowest / 20) * 20);
  const slowest = Math.max(1, ...values(({ p99 }) => p99));
  const inSeconds = slowest >= 2000;
  const scale = inSeconds ? 1000 : 1;
  const step = roundStep((slowest * 1.05) / scale);
  const latency = {
    yMin: 0,
    yMax: Math.ceil((slowest * 1.05) / scale / step) * step,
    yStep: step,
    yUnit: inSeconds ? 's' : 'ms',
  };
  const scaled = (points: [number, number | null][]): [number, number | null][] =>
    points.map(([t, value]) => [t, value === null ? null : value / scale]);
  return (
    <div class={`charts arms-${arms.length}`}>
      {arms.map((series) => {
        const { arm, success, p50, p99, faultWindow } = series;
        const id = anchor(`${scenario.id}-${arm.name}`);
        return (
          <figure key={id}>
            <figcaption>
              <b>{arm.name === 'control' ? 'Control' : 'Treatment'}</b>{' '}
              <span class="quiet">{arm.name === 'control' ? 'must fail' : 'must hold'}</span>
            </figcaption>
            <p class="chart-title">
              Success rate <Swatch kind="a" />
            </p>
            <Chart
              label={`Success rate over time, ${arm.name} arm`}
              spec={{
                id: `${id}-success`,
                lines: [{ name: 'success', color: 'line-a', dashed: false, points: success }],
                xMax,
                yMin,
                yMax: 100,
                yStep: roundStep(100 - yMin, 4),
                yUnit: '%',
                faultWindow,
                faultLabel: 'insideBottomLeft',
              }}
            />
            <p class="chart-title">
              Latency p50 <Swatch kind="a" /> p99 <Swatch kind="b" />
            </p>
            <Chart
              label={`Latency over time, ${arm.name} arm`}
              spec={{
                id: `${id}-latency`,
                lines: [
                  { name: 'p50', color: 'line-a', dashed: false, points: scaled(p50) },
                  { name: 'p99', color: 'line-b', dashed: true, points: scaled(p99) },
                ],
                xMax,
                ...latency,
                faultWindow,
                faultLabel: 'insideTopLeft',
              }}
            />
          </figure>
        );
      })}
    </div>
  );
}

function Chart({ spec, label }: { spec: ChartSpec; label: string }) {
  return <div class="chart" role="img" aria-label={label} dangerouslySetInnerHTML={{ __html: renderChart(spec) }} />;
}

function Swatch({ kind }: { kind: 'a' | 'b' }) {
  return (
    <svg class="swatch" viewBox="0 0 24 8" aria-hidden="true">
      <path
        d="M1 4h22"
        stroke={`var(--line-${kind})`}
        stroke-width="2.5"
        stroke-dasharray={kind === 'b' ? '6 4' : undefined}
      />
    </svg>
  );
}
