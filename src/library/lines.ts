import { table } from '../base/table.ts';
import type { Status } from '../judge/assertion.ts';
import type { Result } from './result.ts';

/** A mark for each status. */
export const marks: Readonly<Record<Status, string>> = { pass: '✓', fail: '✗', error: '!', invalid: '?', skipped: '-' };

/** How a terminal shows what is plain elsewhere. */
export interface Paint {
  mark: (status: Status) => string;
  bold: (text: string) => string;
  dim: (text: string) => string;
}

const plain: Paint = { mark: (status) => marks[status], bold: (text) => text, dim: (text) => text };

/** Everything that is no pass, with what was expected, what was observed and what to look at; errors of the run last. */
export function troubleLines(
  { assertions, report }: Pick<Result, 'assertions' | 'report'>,
  paint: Paint = plain,
): string[] {
  const lines: string[] = [];
  for (const { id, title, status, expected, observed, hint } of assertions) {
    if (status === 'pass') continue;
    lines.push('', `${paint.mark(status)} ${paint.bold(id)}: ${title}`);
    lines.push(`    expected ${expected}`, `    observed ${observed}`);
    if (hint !== undefined) lines.push(`    hint     ${hint}`);
  }
  for (const { code, message, hint } of report.errors)
    lines.push('', `${paint.mark('error')} ${paint.dim(code)}: ${message}`, `    hint     ${hint}`);
  return lines;
}

/** One line for each assertion: mark, status, id, observed. */
export function assertionTable({ assertions }: Pick<Result, 'assertions'>): string {
  return table(assertions.map(({ id, status, observed }) => [marks[status], status, id, observed]));
}
