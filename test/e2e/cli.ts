import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { RunReport } from '../../src/report/model.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface CliResult {
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
  lastLine: string;
  all: string;
}

/** Runs ./bin/meshproof as a person would, without a terminal. */
export async function meshproof(args: readonly string[], options: { timeoutMs?: number } = {}): Promise<CliResult> {
  const result = await execa('./bin/meshproof', args, {
    cwd: root,
    stdin: 'ignore',
    reject: false,
    timeout: options.timeoutMs ?? 120_000,
  });
  const { exitCode, stdout, stderr } = result;
  return { exitCode, stdout, stderr, lastLine: stdout.trim().split('\n').at(-1) ?? '', all: `${stdout}\n${stderr}` };
}

export function readRunReport(reportsDir: string): RunReport {
  return JSON.parse(readFileSync(join(reportsDir, 'latest', 'report.json'), 'utf8')) as RunReport;
}

/** Ids of all assertions of a run that have this status. */
export function idsWith(report: RunReport, status: string): string[] {
  return [...report.scenarios.flatMap(({ assertions }) => assertions), ...report.assertions]
    .filter((assertion) => assertion.status === status)
    .map(({ id }) => id);
}
