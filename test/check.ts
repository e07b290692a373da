/**
 * `npm test`: every check of this repository with one command. Sets up the tools it needs, then runs the static checks, then
 * unit, integration, library and e2e tests. Arguments choose stages: `npm test -- static unit`; `nightly` (`npm run nightly`) is one
 * only when it is asked for. The last line is `N passed, N failed`.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import pLimit from 'p-limit';
import { consoleProgress } from '../src/cli/progress.ts';
import { createToolbox } from '../src/tools/toolbox.ts';
import { releaseOnlyTools, toolNames } from '../src/tools/tool.ts';

const stages = ['static', 'unit', 'integration', 'library', 'e2e'] as const;
const known = [...stages, 'nightly'] as const;
type Stage = (typeof known)[number];

const asked = process.argv.slice(2).filter((word): word is Stage => (known as readonly string[]).includes(word));
const chosen: readonly Stage[] = asked.length > 0 ? asked : stages;
const root = new URL('..', import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), 'meshproof-test-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
const totals = { passed: 0, failed: 0 };
const failures: string[] = [];
const notRun: string[] = [];

/** Each is a program of node_modules/.bin with its arguments. */
const staticChecks: Record<string, string[]> = {
  types: ['tsc', '--noEmit', '-p', '.'],
  'types of the k6 scripts': ['tsc', '--noEmit', '-p', 'fixtures/k6'],
  lint: ['eslint', '--max-warnings', '0', '.'],
  format: ['prettier', '--check', '--log-level', 'warn', 'src', 'test/**/*.ts', 'fixtures/**/*.ts'],
  'import directions': ['depcruise', '--config', '.dependency-cruiser.cjs', 'src', 'fixtures/tripinsights'],
  'dead code': ['knip'],
  'scenario files': ['./bin/meshproof', 'validate'],
  'generated docs are current': ['tsx', 'src/scenario/generate-docs.ts', '--check'],
  'generated app docs are current': ['tsx', 'src/apps/generate-docs.ts', '--check'],
};

/** `heard`: as it speaks, or, for one of several that run side by side, when it has ended. */
async function program(
  title: string,
  argv: string[],
  { env = {}, heard = 'at once' }: { env?: Record<string, string>; heard?: 'at once' | 'at its end' } = {},
): Promise<boolean> {
  const [file = '', ...args] = argv;
  const output = heard === 'at once' ? 'inherit' : 'pipe';
  if (heard === 'at once') process.stdout.write(`\n— ${title}\n`);
  const started = Date.now();
  const result = await execa(file, args, {
    cwd: root,
    env,
    preferLocal: true,
    localDir: root,
    stdin: 'ignore',
    stdout: output,
    stderr: output,
    all: true,
    reject: false,
  });
  const ok = result.exitCode === 0;
  if (heard === 'at its end') process.stdout.write(`\n— ${title}\n${result.all ?? ''}\n`);
  process.stdout.write(`${ok ? 'ok' : 'FAILED'} ${title} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`);
  return ok;
}

function count(title: string, passed: number, failed: number): void {
  totals.passed += passed;
  totals.failed += failed;
  if (failed > 0) failures.push(title);
}

/** A file that begins with `// needs VARIABLE: what it names` runs only where that is given; it is told where it is not. */
function isGiven(stage: Stage, name: string): boolean {
  const [, variable, what] =
    /^\/\/ needs (\w+): (.+)$/m.exec(readFileSync(join(root, 'test', stage, name), 'utf8')) ?? [];
  if (variable === undefined || process.env[variable]) return true;
  notRun.push(`test/${stage}/${name} needs ${what}: ${variable}=DIR npm test -- ${stage}`);
  return false;
}

async function tests(stage: Exclude<Stage, 'static'>): Promise<void> {
  const folder = join(root, 'test', stage);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .filter((name) => isGiven(stage, name));
  const counts = join(scratch, `${stage}.json`);
  const ok = await program(
    `${stage} tests (${files.length} files)`,
    ['mocha', '--reporter', 'test/spec-reporter.cjs', ...files.sort().map((name) => join('test', stage, name))],
    { env: { MESHPROOF_TEST_COUNTS: counts, NO_COLOR: '1' } },
  );
  let stats = { passes: 0, failures: 0, pending: 0, titles: [] as string[] };
  try {
    stats = JSON.parse(readFileSync(counts, 'utf8')) as typeof stats;
  } catch {
    // Mocha died before its end: counted as one failure below.
  }
  // A test that was skipped proves nothing: it counts as failed. So does a stage that ran no test, or a mocha that died.
  const failed = stats.failures + stats.pending;
  count(`${stage} tests`, stats.passes, failed > 0 || (ok && stats.passes > 0) ? failed : 1);
  failures.push(...stats.titles.map((title) => `  ${title}`));
}

{
  using progress = consoleProgress({ timings: [] });
  if (chosen.some((stage) => stage !== 'static')) {
    const toolbox = createToolbox({ progress, signal: new AbortController().signal });
    await toolbox.ensure(toolNames.filter((name) => !releaseOnlyTools.includes(name)));
  }
}
for (const stage of chosen) {
  if (stage !== 'static') await tests(stage);
  else {
    const limit = pLimit(availableParallelism());
    await Promise.all(
      Object.entries(staticChecks).map(([title, argv]) =>
        limit(async () => {
          const ok = await program(title, argv, { heard: 'at its end' });
          count(title, ok ? 1 : 0, ok ? 0 : 1);
        }),
      ),
    );
  }
}
if (notRun.length > 0) process.stdout.write(`\nnot run:\n${notRun.join('\n')}\n`);
if (failures.length > 0) process.stdout.write(`\nfailed:\n${failures.join('\n')}\n`);
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed\n`);
process.exitCode = totals.failed > 0 ? 1 : 0;
