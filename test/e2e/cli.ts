import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { pollUntil } from '../../src/base/poll.ts';
import { labEntries } from '../../src/clusters/embedded/lab-record.ts';
import type { RunReport } from '../../src/report/model.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const program = join(root, 'bin', 'meshproof');

export interface CliResult {
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
  lastLine: string;
  /** For the message of a failed test: the last line comes first, since a list of failures shows one line of each. */
  all: string;
}

/** Runs ./bin/meshproof as a person would, without a terminal. */
export async function meshproof(args: readonly string[], options: { timeoutMs?: number } = {}): Promise<CliResult> {
  const result = await execa(program, args, {
    cwd: root,
    stdin: 'ignore',
    reject: false,
    timeout: options.timeoutMs ?? 120_000,
  });
  const { exitCode, stdout, stderr } = result;
  const lastLine = lastLineOf(stdout);
  return { exitCode, stdout, stderr, lastLine, all: `${lastLine} (exit code ${exitCode})\n${stdout}\n${stderr}` };
}

/** The same in the background, to be disturbed on its way. */
export function startMeshproof(args: readonly string[]) {
  return execa(program, args, { cwd: root, stdin: 'ignore', reject: false, timeout: 300_000 });
}

/** Resolves when the run has said this (progress is on stderr). */
export async function untilSaid(child: ReturnType<typeof startMeshproof>, pattern: RegExp): Promise<void> {
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = child.then(() => true);
  await pollUntil(
    async () => {
      if (pattern.test(said)) return { ready: true };
      if (await Promise.race([ended, Promise.resolve(false)]))
        throw new Error(`it ended without a word of ${pattern}:\n${said}`);
      return { pending: said.split('\n').at(-2) ?? 'nothing said' };
    },
    { what: `${pattern}`, timeoutMs: 200_000 },
  );
}

/** Names of the labs of runs (`run-…`); tests that use named labs are left out. */
export async function runLabs(): Promise<string[]> {
  return (await labEntries()).labs.filter((name) => name.startsWith('run-'));
}

export function lastLineOf(stdout: string): string {
  return stdout.trim().split('\n').at(-1) ?? '';
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
