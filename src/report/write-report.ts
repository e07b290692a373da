import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MeshproofError, isDiskFull, messageOf } from '../base/errors.ts';
import { hashEvidence, writeManifest } from './manifest.ts';
import type { RunReport } from './model.ts';
import { redactValue, type RedactOptions } from '../evidence/redaction.ts';
import { writeWhole } from '../base/whole-file.ts';
import { writers as allWriters, type Writer } from './writers.ts';

export interface WriteReportOptions extends RedactOptions {
  writers?: readonly Writer[];
}

/**
 * Writes every format, the manifest and `latest` beside `dir`. Evidence must be complete: its digests are taken here
 * (`report.evidence` is replaced). Writers are isolated: one that throws does not take the others along.
 *
 * @param dir `<reports>/<run-id>`
 * @throws MeshproofError MESHPROOF_REPORT_WRITE or MESHPROOF_DISK_FULL after all that could be written was.
 */
export async function writeReport(dir: string, report: RunReport, options: WriteReportOptions = {}): Promise<void> {
  await mkdir(dir, { recursive: true });
  const failures: string[] = [];
  let full = false;
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      full ||= isDiskFull(error);
      failures.push(`${what}: ${messageOf(error)}`);
    }
  };
  let complete = report;
  await attempt('evidence', async () => {
    complete = { ...report, evidence: await hashEvidence(dir) };
  });
  // As a reader of report.json will have it (NaN becomes null): `report check` renders from that.
  complete = JSON.parse(JSON.stringify(redactValue(complete, options))) as RunReport;
  for (const { file, render } of options.writers ?? allWriters) {
    await attempt(file, async () => writeWhole(join(dir, file), await render(complete)));
  }
  await attempt('manifest.sha256', () => writeManifest(dir));
  await attempt('latest', () => pointLatest(dir));
  if (failures.length > 0) {
    throw new MeshproofError(
      full ? 'MESHPROOF_DISK_FULL' : 'MESHPROOF_REPORT_WRITE',
      `the report in ${dir} is incomplete: ${failures.join('; ')}`,
      'Check the space and the rights of the reports folder; the files that could be written are there.',
    );
  }
}

/** A relative link, so that the reports folder can be moved; replaced in one step. */
async function pointLatest(dir: string): Promise<void> {
  const link = join(dirname(dir), 'latest');
  const part = `${link}.${process.pid}.part`;
  await rm(part, { force: true });
  await symlink(basename(dir), part);
  await rename(part, link).catch(async (error: unknown) => {
    await rm(part, { force: true });
    throw error;
  });
}
