import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../base/errors.ts';
import type { EvidenceReader } from '../../evidence/reader.ts';
import type { GoldenSignals } from '../../observe/telemetry/golden.ts';
import type { RunReport } from '../../report/model.ts';
import { signalTable, type SignalSources } from '../signal-table.ts';
import { asWritten } from './as-written.ts';

const sourcesFile = /^evidence\/([^/]+)\/([^/]+)\/signals\.json$/;

/** The table of golden signals, made again from the evidence of each arm: every row, and no other. */
export async function signalProblems(report: RunReport, evidence: EvidenceReader): Promise<string[]> {
  const problems: string[] = [];
  const stated = new Map<string, GoldenSignals>();
  for (const row of report.signals) {
    if (stated.has(nameOf(row))) problems.push(`golden signals of ${nameOf(row)}: stated twice`);
    stated.set(nameOf(row), row);
  }
  for (const { path } of report.evidence) {
    const [, scenario, arm] = sourcesFile.exec(path) ?? [];
    if (scenario === undefined || arm === undefined) continue;
    try {
      for (const row of await signalTable({ scenario, arm }, await evidence.json<SignalSources>(path), evidence)) {
        const name = nameOf(row);
        const found = stated.get(name);
        stated.delete(name);
        if (found === undefined) problems.push(`golden signals of ${name}: in the evidence, not in the report`);
        else problems.push(...differences(found, row).map((what) => `golden signals of ${name}: ${what}`));
      }
    } catch (error) {
      problems.push(`golden signals of ${scenario}, ${arm}, cannot be made again: ${messageOf(error)}`);
    }
  }
  return [...problems, ...[...stated.keys()].map((name) => `golden signals of ${name}: no evidence backs them`)];
}

function nameOf({ scenario, arm, phase, source, destination, reporter }: GoldenSignals): string {
  return `${scenario}, ${arm}, ${phase}, ${source} -> ${destination} by ${reporter}`;
}

function differences(stated: GoldenSignals, row: GoldenSignals): string[] {
  const [said, now] = [asWritten(stated), asWritten(row)] as Record<string, unknown>[];
  return [...new Set([...Object.keys(said!), ...Object.keys(now!)])]
    .filter((field) => !isDeepStrictEqual(said![field], now![field]))
    .map(
      (field) => `stated ${field} ${JSON.stringify(said![field])}, the evidence says ${JSON.stringify(now![field])}`,
    );
}
