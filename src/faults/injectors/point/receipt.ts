import type { FaultReceipt } from '../../fault.ts';
import type { PointResult } from './fault-point.ts';
import type { HttpFaultSpec, PointFault } from './point-fault.ts';
import type { Calibration, PointEntry } from './point-log.ts';

/** Requests of the ledger that the fault was meant for. */
export function matching(spec: HttpFaultSpec, entries: readonly PointEntry[]): PointEntry[] {
  const prefix = spec.pathPrefix ?? '/';
  return entries.filter((entry) => entry.path.startsWith(prefix));
}

/**
 * What was asked and what was measured: one receipt per pod, then one for the service, the sum. Counts are raw
 * (`requests`, `injected`): whether the share fits its interval is judged above, with the statistics. `problems` holds what
 * went wrong mechanically.
 */
export function receiptsOf(
  fault: PointFault,
  spec: HttpFaultSpec,
  mechanism: string,
  results: readonly PointResult[],
): FaultReceipt[] {
  const perPod = results.map((result) =>
    receipt(
      fault,
      spec,
      mechanism,
      `${spec.target}/${result.pod.name}`,
      result,
      { ...result.measured },
      result.problems,
    ),
  );
  const all: Measurement = {
    entries: results.flatMap((result) => result.entries),
    calibration: {
      off: results.flatMap((result) => result.calibration.off),
      on: results.flatMap((result) => result.calibration.on),
    },
    onsetMs: Math.max(0, ...results.map((result) => result.onsetMs)),
    // In force everywhere from the last onset to the first end.
    startedAt: Math.max(0, ...results.map((result) => result.startedAt)),
    endedAt: Math.min(...results.map((result) => result.endedAt)),
    undone: results.every((result) => result.undone),
  };
  const sum = receipt(
    fault,
    spec,
    mechanism,
    spec.target,
    all,
    { pods: results.length },
    results.flatMap((result) => result.problems),
  );
  if (sum.measured['requests'] === 0) sum.problems.push('no request reached the fault');
  return [...perPod, sum];
}

interface Measurement {
  entries: PointEntry[];
  calibration: Calibration;
  onsetMs: number;
  startedAt: number;
  endedAt: number;
  undone: boolean;
}

function receipt(
  fault: PointFault,
  spec: HttpFaultSpec,
  mechanism: string,
  target: string,
  result: Measurement,
  extra: Record<string, number | string>,
  problems: readonly string[],
): FaultReceipt {
  const requests = matching(spec, result.entries);
  const injected = requests.filter((entry) => entry.injected !== undefined).length;
  const untouched = result.entries.length - requests.length;
  const found = fault.measure(spec, requests, result.calibration);
  return {
    kind: spec.kind,
    target,
    mechanism,
    asked: fault.asked(spec),
    measured: {
      requests: requests.length,
      injected,
      sharePercent: requests.length === 0 ? 0 : Math.round((injected / requests.length) * 1e5) / 1e3,
      otherRequests: untouched,
      ...found.measured,
      ...extra,
    },
    onsetMs: Math.round(result.onsetMs),
    startedAt: Math.round(result.startedAt),
    endedMs: Math.round(result.endedAt),
    undone: result.undone,
    problems: [...problems, ...found.problems.map((problem) => `${target}: ${problem}`)],
  };
}
