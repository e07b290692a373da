import { milliseconds, percent, plural } from '../base/words.ts';
import type { Assertion, Status } from '../judge/assertion.ts';
import { statuses } from '../judge/assertion.ts';
import { capabilityCounts } from './capability-counts.ts';
import { durationText, rateText, shareText } from './html/words.ts';
import { installationText } from './installation-text.ts';
import type { RunReport } from './model.ts';
import { quantileText, signalsScenario } from './signal-text.ts';

/** GitHub refuses a job summary above 1 MiB; the rest of the room is the note's. */
const limitBytes = 1024 * 1024 - 4096;

export const statusMarks: Record<Status, string> = {
  pass: '✅ pass',
  fail: '❌ fail',
  error: '💥 error',
  invalid: '❔ invalid',
  skipped: '⏭️ skipped',
};

/** What a CI job shows of the run: the verdict first, then the criteria, then what is not well, then the figures. */
export function renderSummary(report: RunReport): string {
  const blocks = [
    head(report),
    criteria(report),
    ...troubles(report),
    ...errors(report),
    ...figures(report),
    ...signals(report),
    ...capabilities(report),
    foot(report),
  ];
  let text = '';
  for (const [index, block] of blocks.entries()) {
    if (Buffer.byteLength(text) + Buffer.byteLength(block) > limitBytes) {
      const left = blocks.length - index;
      return `${text}\n> Cut short here: ${plural(left, 'part')} left out. All of it is in report.html and report.json.\n`;
    }
    text += block;
  }
  return text;
}

function head({ verdict, runId, mesh, cluster, durationMs }: RunReport): string {
  const counts = statuses
    .filter((status) => verdict.counts[status] > 0)
    .map((status) => `${verdict.counts[status]} ${status}`);
  const where = [
    mesh && `${mesh.name} ${mesh.version}`,
    mesh?.installation && installationText(mesh.installation),
    cluster && `Kubernetes ${cluster.kubernetesVersion} (${cluster.provider})`,
    durationText(durationMs),
    `run \`${runId}\``,
  ].filter((part) => part !== undefined);
  return `# ${verdictMark(verdict.status)} ${escapeMd(verdict.summary)}\n\nAssertions: ${counts.join(', ') || 'none'}. ${where.join(' · ')}\n\n`;
}

function verdictMark(status: RunReport['verdict']['status']): string {
  return { healthy: '✅', unhealthy: '❌', inconclusive: '❔', error: '💥' }[status];
}

function criteria({ criteria: all }: RunReport): string {
  if (all.length === 0) return '';
  const rows = all.map(({ title, status, why }) => `| ${cell(title)} | ${statusMarks[status]} | ${cell(why)} |\n`);
  return `## Success criteria\n\n| criterion | status | why |\n|---|---|---|\n${rows.join('')}\n`;
}

/** One block per scenario with something that did not pass; passes are in the other reports. */
function troubles(report: RunReport): string[] {
  const groups: [string, Assertion[]][] = [
    ['Run', report.assertions],
    ...report.scenarios.map(({ id, assertions }): [string, Assertion[]] => [id, assertions]),
  ];
  return groups.flatMap(([name, assertions]) => {
    const bad = assertions.filter(({ status }) => status !== 'pass');
    if (bad.length === 0) return [];
    const rows = bad.map(
      ({ title, status, expected, observed, hint }) =>
        `| ${statusMarks[status]} | ${cell(title)} | ${cell(expected)} | ${cell(observed)} | ${cell(hint ?? '')} |\n`,
    );
    return [
      `## Not passed: ${escapeMd(name)}\n\n| status | assertion | expected | observed | hint |\n|---|---|---|---|---|\n`,
      ...rows,
      '\n',
    ];
  });
}

function errors(report: RunReport): string[] {
  if (report.errors.length === 0) return [];
  return [
    '## Errors\n\n',
    ...report.errors.map(
      ({ code, message, hint, scenario }) =>
        `- \`${code}\`${scenario ? ` in ${escapeMd(scenario)}` : ''}: ${escapeMd(message)} ${hint ? `*${escapeMd(hint)}*` : ''}\n`,
    ),
    '\n',
  ];
}

function figures({ scenarios }: RunReport): string[] {
  const rows = scenarios.flatMap(({ id, arms }) =>
    arms.flatMap(({ name, phases }) =>
      phases.map(
        ({ name: phase, load }) =>
          `| ${cell(id)} | ${name} | ${phase} | ${load.requests} | ${percent(load.successRate)} | ${milliseconds(load.p50Ms)} | ${milliseconds(load.p99Ms)} |\n`,
      ),
    ),
  );
  if (rows.length === 0) return [];
  return [
    '## Load\n\n| scenario | arm | phase | requests | success | p50 | p99 |\n|---|---|---|---:|---:|---:|---:|\n',
    ...rows,
    '\n',
  ];
}

/** Of one scenario, as the page opens it: hundreds of rows are read by nobody, and report.html has them. */
function signals({ signals: all }: RunReport): string[] {
  const scenario = signalsScenario(all);
  const rows = all
    .filter((signal) => signal.scenario === scenario && signal.arm === 'treatment')
    .map((signal) => {
      const edge = signal.source === '*' ? signal.destination : `${signal.source} → ${signal.destination}`;
      const quantiles = (['p50', 'p99'] as const).map((name) => quantileText(signal, name)).join(' | ');
      const rate = signal.protocol === 'tcp' ? 'TCP' : rateText(signal.rps);
      return `| ${cell(edge)} | ${signal.reporter} | ${rate} | ${shareText(signal.successRate)} | ${quantiles} |\n`;
    });
  if (rows.length === 0) return [];
  return [
    `## Golden signals: ${escapeMd(scenario ?? '')}\n\n| edge | by | per second | success | p50 | p99 |\n|---|---|---:|---:|---:|---:|\n`,
    ...rows,
    '\n',
  ];
}

/** What this run proved, and how many of the others there are: the page has them all, with reasons. */
function capabilities({ capabilities: all = [], mesh }: RunReport): string[] {
  if (all.length === 0) return [];
  const rows = all
    .filter(({ status }) => status === 'proven')
    .map(({ group, capability, scenario }) => `| ${cell(group)} | ${cell(capability)} | ${cell(scenario ?? '')} |\n`);
  return [
    `## Capabilities of this mesh\n\n${escapeMd(mesh?.name ?? '')}: ${capabilityCounts(all)}.\n\n`,
    ...(rows.length > 0 ? ['| group | proven by this run | scenario |\n|---|---|---|\n', ...rows, '\n'] : []),
  ];
}

function foot({ tool, seed }: RunReport): string {
  return `meshproof ${tool.version} (${tool.commit}), seed ${seed}. No claim without a control: a claim whose control did not fail is invalid, never a pass.\n`;
}

/** Text from a cluster must not become markup, a mention or another column. */
function escapeMd(text: string): string {
  return text
    .replace(/[\\`*_[\]<>|#@~]/g, (mark) =>
      mark === '<' ? '&lt;' : mark === '>' ? '&gt;' : mark === '@' ? '&#64;' : `\\${mark}`,
    )
    .replace(/\s+/g, ' ');
}

const cellLimit = 1000;

function cell(text: string): string {
  return escapeMd(text.length > cellLimit ? `${text.slice(0, cellLimit)}…` : text);
}
