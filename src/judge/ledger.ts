import { hostTime } from '../base/host-time.ts';
import type { LedgerEntry } from '../faults/fault.ts';

/** What the server's ledger says of a set of attempts (in report.json: the ledger of a phase). */
export interface LedgerFacts {
  requests: number;
  attempts: number;
  injected: number;
  /** Requests whose first attempt failed and whose last one succeeded. */
  recovered: number;
  /** attempts / requests; NaN without requests. */
  amplification: number;
  /** attempts per request -> number of requests. */
  attemptsHistogram: Record<string, number>;
}

function failed(entry: LedgerEntry): boolean {
  return entry.cancelled || entry.status === 0 || entry.status >= 500;
}

/** Groups attempts by request id, in the order of their start. */
export function summarizeLedger(entries: readonly LedgerEntry[]): LedgerFacts {
  const requests = new Map<string, LedgerEntry[]>();
  for (const entry of entries) {
    const attempts = requests.get(entry.requestId);
    if (attempts) attempts.push(entry);
    else requests.set(entry.requestId, [entry]);
  }
  let recovered = 0;
  const attemptsHistogram: Record<string, number> = {};
  for (const attempts of requests.values()) {
    attempts.sort((a, b) => hostTime(a) - hostTime(b));
    const [first, last] = [attempts[0], attempts.at(-1)];
    if (first && last && first !== last && failed(first) && !failed(last)) recovered++;
    attemptsHistogram[attempts.length] = (attemptsHistogram[attempts.length] ?? 0) + 1;
  }
  return {
    requests: requests.size,
    attempts: entries.length,
    injected: entries.filter((entry) => entry.injected !== undefined).length,
    recovered,
    amplification: entries.length / requests.size,
    attemptsHistogram,
  };
}
