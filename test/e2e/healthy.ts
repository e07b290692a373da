import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { meshproof, readRunReport, runLabs } from './cli.ts';

/** For the suite that is being described; kept when a test of it fails: the report of what went wrong is worth its disk space. */
export function folderForReports(): string {
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-e2e-'));
  after(function () {
    if (this.test?.parent?.tests.every(({ state }) => state === 'passed'))
      rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/**
 * A run on a throw-away lab, the whole suite unless scenarios are named: every criterion passes with evidence, the report
 * checks, nothing is left. On a machine that is busy a run may come to no conclusion, for that reason only; the test then says
 * so beside its name.
 */
export async function expectHealthyRun(
  test: Mocha.Context,
  folder: string,
  { args = [], criteria = 6 }: { args?: readonly string[]; criteria?: number } = {},
): Promise<void> {
  const cli = await meshproof(['run', '--reports', folder, ...args], { timeoutMs: 780_000 });
  const report = readRunReport(folder);
  if (cli.exitCode !== 4) {
    expect(cli.exitCode, cli.all).to.equal(0);
    expect(cli.lastLine).to.match(
      /^healthy: (\d) of \1 criteria and \d+ assertions passed(, \d+ skipped)? — .*report\.html$/,
    );
    expect(report.criteria.map(({ status }) => status)).to.deep.equal(Array(criteria).fill('pass'));
  }
  const all = [...report.scenarios.flatMap(({ assertions }) => assertions), ...report.assertions];
  // What a mesh has not is skipped with the reason, and nothing else is.
  const skipped = all.filter(({ status }) => status === 'skipped');
  for (const { id, observed } of skipped) expect(observed, id).to.match(/^not applicable: ./);
  const open = all.filter(({ status }) => status !== 'pass' && status !== 'skipped');
  for (const { id, status, observed } of open) {
    expect(status, `${id}: ${cli.all}`).to.equal('invalid');
    expect(observed, `${id}: ${cli.all}`).to.contain('the machine was');
  }
  for (const { id, status, evidence } of report.scenarios.flatMap(({ assertions }) => assertions)) {
    if (status === 'skipped') continue;
    expect(evidence, id).not.to.be.empty;
    for (const path of evidence) expect(existsSync(join(folder, report.runId, path)), path).to.equal(true);
  }
  const check = await meshproof(['report', 'check', join(folder, 'latest')]);
  expect(check.exitCode, check.all).to.equal(0);
  const names = readdirSync(join(folder, report.runId));
  expect(names).to.include.members(['report.json', 'report.html', 'junit.xml', 'summary.md', 'manifest.sha256']);
  expect(await runLabs()).to.deep.equal([]);
  if (open.length > 0) test.test!.title += ` (NOT SEEN HEALTHY, but ${cli.lastLine})`;
}
