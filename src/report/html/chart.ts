import { LineChart } from 'echarts/charts';
import { GridComponent, MarkAreaComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([LineChart, GridComponent, MarkAreaComponent, SVGRenderer]);

export interface ChartLine {
  name: string;
  /** CSS variable of the page. */
  color: 'line-a' | 'line-b';
  dashed: boolean;
  /** [t in seconds, value]; null breaks the line. */
  points: [number, number | null][];
}

export interface ChartSpec {
  /** Unique in the page; becomes part of the SVG's ids. */
  id: string;
  lines: ChartLine[];
  /** The same for both arms, so that they can be compared by eye. */
  xMax: number;
  yMin: number;
  yMax: number;
  yStep: number;
  yUnit: string;
  /** Seconds, shaded. */
  faultWindow?: [number, number] | undefined;
  /** Where its name stands: away from the lines. */
  faultLabel: 'insideTopLeft' | 'insideBottomLeft';
}

const [width, height] = [440, 190];

/** echarts needs colors it can parse; these stand in for the page's variables, which follow the reader's theme. */
const placeholders = {
  'line-a': '#0a0101',
  'line-b': '#0a0102',
  'line-grid': '#0a0103',
  'ink-2': '#0a0104',
  'fault-shade': '#0a0105',
};

/** Renders a line chart to SVG without a script; the same input gives the same text. */
export function renderChart(spec: ChartSpec): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  const text = { color: placeholders['ink-2'], fontSize: 12, fontFamily: 'sans-serif' };
  chart.setOption({
    animation: false,
    grid: { left: 54, right: 14, top: 12, bottom: 26 },
    xAxis: {
      type: 'value',
      min: 0,
      max: spec.xMax,
      axisLabel: { ...text, formatter: '{value} s', hideOverlap: true },
      axisLine: { lineStyle: { color: placeholders['line-grid'] } },
      axisTick: { show: false },
      splitLine: { show: false },
    },
    yAxis: {
      type: 'value',
      min: spec.yMin,
      max: spec.yMax,
      interval: spec.yStep,
      axisLabel: { ...text, formatter: `{value} ${spec.yUnit}` },
      splitLine: { lineStyle: { color: placeholders['line-grid'] } },
    },
    series: spec.lines.map((line, index) => ({
      type: 'line' as const,
      name: line.name,
      data: line.points.map(([t, value]) => [t, value ?? '-']),
      showSymbol: false,
      silent: true,
      lineStyle: {
        color: placeholders[line.color],
        width: 2,
        type: line.dashed ? ([5, 4] as number[]) : ('solid' as const),
      },
      ...(index === 0 &&
        spec.faultWindow && {
          markArea: {
            silent: true,
            itemStyle: { color: placeholders['fault-shade'] },
            label: { show: true, position: spec.faultLabel, distance: 6, formatter: 'fault', ...text },
            data: [[{ xAxis: spec.faultWindow[0] }, { xAxis: spec.faultWindow[1] }]] as [
              { xAxis: number },
              { xAxis: number },
            ][],
          },
        }),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return themed(svg, spec.id);
}

function themed(svg: string, id: string): string {
  let page = svg
    // Ids count up over the life of the process, and would clash within the page.
    .replace(/ class="zr\d+-cls-\d+"/g, '')
    .replace(/zr\d+-/g, `${id}-`)
    .replace(/<svg width="\d+" height="\d+"/, '<svg')
    .replace(/<style[\s\S]*?<\/style>/g, '');
  for (const [name, color] of Object.entries(placeholders)) {
    page = page.replaceAll(color, `var(--${name})`).replaceAll(rgb(color), `var(--${name})`);
  }
  return page;
}

function rgb(hex: string): string {
  const parts = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  return `rgb(${parts.join(',')})`;
}

/** A round step (1, 2, 2.5 or 5 times a power of ten) that needs at most `ticks` steps to reach `top`. */
export function roundStep(top: number, ticks = 4): number {
  const raw = Math.max(top, 1e-6) / ticks;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 2.5, 5, 10].find((step) => step * power >= raw - 1e-12) ?? 10);
}
