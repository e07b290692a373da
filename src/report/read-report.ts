import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshproofError, messageOf } from '../base/errors.ts';
import type { RunReport } from './model.ts';

/**
 * Reads `<dir>/report.json`.
 *
 * @throws MeshproofError MESHPROOF_REPORT_UNREADABLE: no such report, no JSON, or a schema version of the future.
 */
export async function readReport(dir: string): Promise<RunReport> {
  const path = join(dir, 'report.json');
  const unreadable = (why: string): MeshproofError =>
    new MeshproofError(
      'MESHPROOF_REPORT_UNREADABLE',
      `${path}: ${why}`,
      'Give the folder of a run, e.g. reports/latest.',
    );
  let report: Partial<RunReport> | null;
  try {
    report = JSON.parse(await readFile(path, 'utf8')) as Partial<RunReport> | null;
  } catch (error) {
    throw unreadable(messageOf(error));
  }
  if (typeof report !== 'object' || report === null) throw unreadable('it is not a report');
  const version: number | undefined = report.schemaVersion;
  if (version !== 1) throw unreadable(`schemaVersion ${version}, this meshproof reads 1`);
  for (const key of ['scenarios', 'criteria', 'assertions', 'errors', 'evidence', 'signals'] as const) {
    if (!Array.isArray(report[key])) throw unreadable(`${key} is missing`);
  }
  if (!report.verdict) throw unreadable('verdict is missing');
  return report as RunReport;
}
