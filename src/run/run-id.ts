import { randomBytes } from 'node:crypto';

/** `20261125-233950-1a2b`: sorts by time, and two of one second differ. */
export function runIdAt(epochMs: number): string {
  const time = new Date(epochMs)
    .toISOString()
    .replaceAll(/[-:]|\.\d+Z/g, '')
    .replace('T', '-');
  return `${time}-${randomBytes(2).toString('hex')}`;
}
