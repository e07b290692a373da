import { count, milliseconds, percent } from '../../base/words.ts';

/** What a table shows where nothing was measured. */
export const nothing = '–';

function known(value: number | null | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

export function msText(value: number | null | undefined): string {
  return known(value) ? milliseconds(value) : nothing;
}

export function shareText(value: number | null | undefined): string {
  return known(value) ? percent(value) : nothing;
}

export function countText(value: number | null | undefined): string {
  return known(value) ? count(value) : nothing;
}

export function rateText(value: number | null | undefined): string {
  return known(value) ? value.toFixed(value >= 100 ? 0 : 1) : nothing;
}

/** `1.4 GiB` */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}

/** `4 min 12 s`, `950 ms` */
export function durationText(ms: number): string {
  if (ms < 10_000) return milliseconds(ms);
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** `2026-03-14 09:26:53 UTC`: the same on every machine. */
export function timeText(time: string | number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** An id for anchors. */
export function anchor(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}
