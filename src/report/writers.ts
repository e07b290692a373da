import { jsonText } from '../base/json-text.ts';
import type { RunReport } from './model.ts';

/** One format: a pure function of the report, so that `report check` can write it again and compare. */
export interface Writer {
  file: string;
  render(report: RunReport): Promise<string>;
}

/** Each in its own file, loaded when used: charts and components are needed by the HTML writer only. */
export const writers: readonly Writer[] = [
  { file: 'report.json', render: (report) => Promise.resolve(`${jsonText(report)}\n`) },
  { file: 'report.html', render: async (report) => (await loadPage()).renderHtml(report) },
  { file: 'junit.xml', render: async (report) => (await import('./junit.ts')).renderJunit(report) },
  { file: 'summary.md', render: async (report) => (await import('./summary.ts')).renderSummary(report) },
];

/** Node strips types but knows no JSX. tsx does, and costs a start that other commands need not wait for. */
export async function loadPage(): Promise<typeof import('./html/page.tsx')> {
  try {
    return await import('./html/page.tsx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
    (await import('tsx/esm/api')).register();
    return import('./html/page.tsx');
  }
}
