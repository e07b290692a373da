import type { Status } from '../judge/assertion.ts';
import { brief } from '../base/words.ts';
import type { HealthCheck } from '../observe/health/health.ts';

/** As `linkerd check` marks them: well, not decided, wrong. */
const checkMarks: Readonly<Record<Status, '√' | '‼' | '×' | '-'>> = {
  pass: '√',
  skipped: '-',
  invalid: '‼',
  fail: '×',
  error: '×',
};

/** 1: a check failed; 3: one did not work; 4: one could not be decided. Those that are skipped say why, and count for nothing. */
export function checkExitCode(checks: readonly Pick<HealthCheck, 'status'>[]): 0 | 1 | 3 | 4 {
  const any = (status: Status): boolean => checks.some((check) => check.status === status);
  if (any('fail')) return 1;
  if (any('error')) return 3;
  return any('invalid') || checks.length === 0 ? 4 : 0;
}

/** Of what is well a line is enough; `--json` has the rest. What is wrong is never cut. */
const longest = 160;

/**
 * Checks by category, each with what was seen, and a hint where something is wrong; the last line is the sum of it.
 *
 * @param categories headings, in the order in which they are shown; others come behind
 */
export function checkText(
  checks: readonly HealthCheck[],
  { categories, paint }: { categories: ReadonlyMap<string, string>; paint: (status: Status, mark: string) => string },
): string {
  const lines: string[] = [];
  const shown = [...new Set([...categories.keys(), ...checks.map((check) => check.category)])];
  for (const category of shown.filter((each) => checks.some((check) => check.category === each))) {
    const heading = categories.get(category) ?? category;
    lines.push(heading, '-'.repeat(heading.length));
    for (const { title, status, observed, hint } of checks.filter((check) => check.category === category)) {
      const seen = status === 'pass' ? brief(observed, longest) : observed;
      lines.push(`${paint(status, checkMarks[status])} ${title}: ${status === 'skipped' ? 'skipped: ' : ''}${seen}`);
      if (status !== 'pass' && status !== 'skipped' && hint !== undefined) lines.push(`    hint: ${hint}`);
    }
    lines.push('');
  }
  const worst: Status = ({ 0: 'pass', 1: 'fail', 3: 'error', 4: 'invalid' } as const)[checkExitCode(checks)];
  lines.push(`Status check results are ${paint(worst, checkMarks[worst])}`);
  return lines.join('\n');
}
