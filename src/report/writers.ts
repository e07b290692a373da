import type { RunReport } from './model.ts';

/** One format: a pure function of the report, so that `report check` can write it again and compare. */
export interface Writer {
  file: string;
  render(report: RunReport): Promise<string>;
}

/** Each in its own file, loaded when used: charts and components are needed by the HTML writer only. */
export const writers: readonly Writer[] = [
  { file: 'report.json', render: (report) => Promise.resolve(`${JSON.stringify(report, undefined, 2)}\n`) },
  { file: 'report.html', render: async (report) => (await import('./html/page.tsx')).renderHtml(report) },
  { file: 'junit.xml', render: async (report) => (await import('./junit.ts')).renderJunit(report) },
  { file: 'summary.md', render: async (report) => (await import('./summary.ts')).renderSummary(report) },
];
