import { stat } from 'node:fs/promises';

/** What tells one state of a file from another without reading it. @throws when it is not there. */
export async function fingerprint(path: string): Promise<string> {
  const { size, mtimeMs, ino } = await stat(path);
  return `${path} ${size} ${mtimeMs} ${ino}`;
}
