import { table } from '../base/table.ts';
import { milliseconds } from '../base/words.ts';
import { rate, share } from './cells.ts';
import type { TapEvent } from './tap-events.ts';

/** Requests of one kind, since the stream began. */
export interface TopRow {
  /** `source->destination METHOD path` */
  id: string;
  source: string;
  destination: string;
  method: string;
  /** Without its query. */
  path: string;
  requests: number;
  rps: number;
  bestMs: number;
  worstMs: number;
  lastMs: number;
  /** 0..1: answers below 500. A request without an answer did not succeed. */
  successRate: number;
}

type Counted = Omit<TopRow, 'rps' | 'successRate'> & { good: number };

/** Counts requests by who called whom for what; one that runs for days keeps no request. */
export class Top {
  readonly #rows = new Map<string, Counted>();

  add({ source, destination, method, path: full, status, latencyMs }: TapEvent): void {
    const path = full.split('?')[0] ?? full;
    const id = `${source}->${destination} ${method} ${path}`;
    const row = this.#rows.get(id) ?? {
      ...{ id, source, destination, method, path, requests: 0, good: 0, bestMs: Infinity, worstMs: 0, lastMs: 0 },
    };
    row.requests++;
    if (status !== null && status < 500) row.good++;
    row.bestMs = Math.min(row.bestMs, latencyMs);
    row.worstMs = Math.max(row.worstMs, latencyMs);
    row.lastMs = latencyMs;
    this.#rows.set(id, row);
  }

  /** The busiest first. @param seconds since the stream began */
  rows(seconds: number): TopRow[] {
    return [...this.#rows.values()]
      .map(({ good, ...row }) => ({
        ...row,
        rps: seconds > 0 ? Math.round((row.requests / seconds) * 100) / 100 : 0,
        successRate: good / row.requests,
      }))
      .sort((a, b) => b.requests - a.requests || (a.id < b.id ? -1 : 1));
  }
}

/** @param shown rows at most; how many are left out stands below */
export function topTable(rows: readonly TopRow[], shown = Infinity): string {
  const text = table([
    ['SOURCE', 'DESTINATION', 'METHOD', 'PATH', 'COUNT', 'RPS', 'BEST', 'WORST', 'LAST', 'SUCCESS'],
    ...rows
      .slice(0, shown)
      .map((row) => [
        row.source,
        row.destination,
        row.method,
        row.path,
        String(row.requests),
        rate(row.rps),
        milliseconds(row.bestMs),
        milliseconds(row.worstMs),
        milliseconds(row.lastMs),
        share(row.successRate),
      ]),
  ]);
  return rows.length > shown ? `${text}\nand ${rows.length - shown} more` : text;
}
