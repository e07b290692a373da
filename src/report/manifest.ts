import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { RunReport } from './model.ts';
import { writeWhole } from '../base/whole-file.ts';

export const manifestName = 'manifest.sha256';

/** Every regular file below a folder, relative, sorted by bytes; the same on every machine. */
export async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + (dir.endsWith('/') ? 0 : 1)))
    .sort((a, b) => (a < b ? -1 : 1));
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Digest and size of every file below `<dir>/evidence`, for `report.evidence`. */
export async function hashEvidence(dir: string): Promise<RunReport['evidence']> {
  const hashed: RunReport['evidence'] = [];
  for (const name of await filesBelow(join(dir, 'evidence'))) {
    const path = `evidence/${name}`;
    const absolute = join(dir, path);
    hashed.push({ path, sha256: await sha256Of(absolute), bytes: (await stat(absolute)).size });
  }
  return hashed;
}

/** `sha256sum -c manifest.sha256` in the run's folder checks it too. */
export async function writeManifest(dir: string): Promise<void> {
  const lines: string[] = [];
  for (const path of await filesBelow(dir)) {
    if (path !== manifestName) lines.push(`${await sha256Of(join(dir, path))}  ${path}\n`);
  }
  await writeWhole(join(dir, manifestName), lines.join(''));
}

/** What the manifest and the folder do not agree on, in words. */
export async function manifestProblems(dir: string): Promise<string[]> {
  const text = await readFile(join(dir, manifestName), 'utf8').catch(() => undefined);
  if (text === undefined) return [`${manifestName} is missing`];
  const problems: string[] = [];
  const listed = new Set<string>();
  for (const line of text.split('\n').filter((line) => line !== '')) {
    const [, expected, path] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    if (!expected || !path || path.startsWith('/') || path.split('/').includes('..')) {
      problems.push(`${manifestName} has a line that is none: ${line.slice(0, 80)}`);
      continue;
    }
    listed.add(path);
    const actual = await sha256Of(join(dir, path)).catch(() => undefined);
    if (actual === undefined) problems.push(`${path} is missing`);
    else if (actual !== expected) problems.push(`${path} was changed: its digest is not the manifest's`);
  }
  for (const path of await filesBelow(dir)) {
    if (path !== manifestName && !listed.has(path)) problems.push(`${path} is not in the manifest`);
  }
  return problems;
}
