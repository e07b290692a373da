import { isDeepStrictEqual } from 'node:util';
import { capabilitiesAgain } from '../../capabilities/of-run.ts';
import type { RunReport } from '../../report/model.ts';
import { asWritten } from './as-written.ts';

/** Of a scenario that is tried on each of several, trials are named after it and what they are tried on. */
function isTrialOf(id: string, scenario: string): boolean {
  return id === scenario || id.startsWith(`${scenario}-`);
}

/** The capabilities of the mesh, made again from the scenarios of the report. */
export function capabilityProblems(report: RunReport): string[] {
  const { capabilities: stated = [] } = report;
  const now = capabilitiesAgain(stated, report);
  const mistaken = report.scenarios.filter(({ id, tried }) => tried !== undefined && !isTrialOf(id, tried.scenario));
  return [
    ...mistaken.map(({ id, tried }) => `scenario ${id}: says that it is a trial of ${tried?.scenario}`),
    ...stated.flatMap((row, index) =>
      isDeepStrictEqual(asWritten(row), asWritten(now[index]))
        ? []
        : [`capability ${row.id}: stated ${row.status}, the scenarios say ${now[index]?.status}`],
    ),
  ];
}
