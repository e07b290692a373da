import type { Assertion } from '../judge/assertion.ts';
import type { RunReport } from './model.ts';

interface Suite {
  name: string;
  seconds: number;
  cases: string[];
  counts: { failures: number; errors: number; skipped: number };
}

/** One test case per assertion, in the dialect of Jenkins and GitLab; errors of the run come as test cases too. */
export function renderJunit(report: RunReport): string {
  const suites = [
    suite('run', report.assertions, report.durationMs),
    ...report.scenarios.map((scenario) => suite(scenario.id, scenario.assertions, scenario.durationMs)),
    errorSuite(report),
  ].filter(({ cases }) => cases.length > 0);
  const total = (key: keyof Suite['counts']): number => suites.reduce((sum, { counts }) => sum + counts[key], 0);
  const tests = suites.reduce((sum, { cases }) => sum + cases.length, 0);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes({
      name: `meshproof ${report.runId}`,
      tests,
      failures: total('failures'),
      errors: total('errors'),
      skipped: total('skipped'),
      time: seconds(report.durationMs),
    })}>`,
    ...suites.flatMap(({ name, seconds: time, cases, counts }) => [
      `  <testsuite${attributes({ name, tests: cases.length, ...counts, time: time.toFixed(3), timestamp: report.startedAt.replace(/\.\d+Z$|Z$/, '') })}>`,
      ...cases,
      '  </testsuite>',
    ]),
    '</testsuites>',
    '',
  ].join('\n');
}

function suite(name: string, assertions: readonly Assertion[], durationMs: number): Suite {
  const having = (...wanted: Assertion['status'][]): number =>
    assertions.filter(({ status }) => wanted.includes(status)).length;
  return {
    name,
    seconds: durationMs / 1000,
    cases: assertions.map((assertion) => testCase(name, assertion)),
    counts: { failures: having('fail'), errors: having('error', 'invalid'), skipped: having('skipped') },
  };
}

function testCase(suiteName: string, assertion: Assertion): string {
  const { id, title, status, expected, observed, hint, evidence, arm } = assertion;
  const head = `    <testcase${attributes({ classname: suiteName, name: `${title} [${id}]`, time: '0' })}`;
  if (status === 'pass') return `${head}/>`;
  if (status === 'skipped') return `${head}>\n      <skipped${attributes({ message: observed })}/>\n    </testcase>`;
  const tag = status === 'fail' ? 'failure' : 'error';
  const body = [
    ...(arm ? [`arm: ${arm}`] : []),
    `expected: ${expected}`,
    `observed: ${observed}`,
    ...(hint ? [`hint: ${hint}`] : []),
    ...evidence.map((path) => `evidence: ${path}`),
  ].join('\n');
  return `${head}>\n      <${tag}${attributes({ message: observed, type: status })}>${escapeXml(body)}</${tag}>\n    </testcase>`;
}

function errorSuite(report: RunReport): Suite {
  const cases = report.errors.map(
    ({ code, message, hint, scenario }) =>
      `    <testcase${attributes({ classname: scenario ?? 'meshproof', name: code, time: '0' })}>\n` +
      `      <error${attributes({ message, type: code })}>${escapeXml(hint)}</error>\n    </testcase>`,
  );
  return { name: 'errors', seconds: 0, cases, counts: { failures: 0, errors: cases.length, skipped: 0 } };
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function attributes(values: Record<string, string | number>): string {
  return Object.entries(values)
    .map(([key, value]) => ` ${key}="${escapeXml(String(value)).replaceAll('\n', '&#10;').replaceAll('\t', '&#9;')}"`)
    .join('');
}

/** XML 1.0 forbids most control characters and lone surrogates even as references: they become U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufffe\uffff]/g, '\ufffd')
    .replaceAll('\r', '&#13;')
    .replaceAll('&', '&amp;')
    .replaceAll('&amp;#13;', '&#13;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
