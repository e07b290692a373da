import type { LedgerEntry } from '../../fault.ts';

/** A ledger entry with what only the fault point knows. */
export interface PointEntry extends LedgerEntry {
  /** From the first byte received to the first byte sent on to the app; undefined when it never went on. */
  heldMs: number | undefined;
}

/** The point's own requests, answered by itself: before the fault was switched on, and after. */
export interface Calibration {
  off: PointEntry[];
  on: PointEntry[];
}

/** One line of the access log (see envoy-config.ts). */
interface AccessLogLine {
  id: string | null;
  start: string;
  ms: number | null;
  heldUs: number | null;
  status: number | null;
  flags: string | null;
  path: string | null;
}

/** Instants by the pod's clock, epoch ms: the fault was in force after `start` and before `end`. */
export interface Marks {
  start?: number;
  end?: number;
}

export interface Ledger {
  entries: PointEntry[];
  calibration: Calibration;
  marks: Marks;
  /** How far the pod's clock, by which all of this was written, was ahead of ours. */
  clockAheadMs: number;
}

const markId = /^meshproof-mark-(start|end)$/;
const calibrationId = /^meshproof-calibration-(on|off)-/;

/**
 * Reads a fault point's access log, line by line. Envoy's response flags tell what happened: FI = aborted by the fault
 * filter, DI = delayed by it, DC = the caller closed the connection first.
 */
export class LedgerReader {
  readonly ledger: Ledger = { entries: [], calibration: { off: [], on: [] }, marks: {}, clockAheadMs: 0 };
  readonly #pod: string;

  constructor(pod: string) {
    this.#pod = pod;
  }

  /** @throws SyntaxError for a line that is none: it must not be lost silently */
  take(line: string): void {
    const { entries, calibration, marks } = this.ledger;
    const entry = toEntry(JSON.parse(line) as AccessLogLine, this.#pod);
    const own = calibrationId.exec(entry.requestId)?.[1] as 'on' | 'off' | undefined;
    const mark = markId.exec(entry.requestId)?.[1] as 'start' | 'end' | undefined;
    if (mark) marks[mark] = entry.startedAt;
    else if (own) calibration[own].push(entry);
    else entries.push(entry);
  }
}

function toEntry(line: AccessLogLine, pod: string): PointEntry {
  const flags = (line.flags ?? '').split(',');
  return {
    requestId: line.id ?? '',
    startedAt: Math.round(Number(line.start) * 1000),
    durationMs: line.ms ?? 0,
    heldMs: line.heldUs === null ? undefined : line.heldUs / 1000,
    status: line.status ?? 0,
    injected: flags.includes('FI') ? 'abort' : flags.includes('DI') ? 'delay' : undefined,
    cancelled: flags.includes('DC'),
    // The query may hold a planted token or personal data: the ledger does not need it.
    path: (line.path ?? '').split('?', 1)[0] ?? '',
    pod,
  };
}
