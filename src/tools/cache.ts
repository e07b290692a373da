import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, lstat, mkdir, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { messageOf } from '../base/errors.ts';
import { scratchFolder } from '../base/scratch.ts';
import { compareVersions, parseVersion } from './version.ts';

const fileSchema = z.object({ size: z.number(), mtimeMs: z.number(), sha256: z.string() });
const entrySchema = z.object({
  name: z.string(),
  version: z.string(),
  origin: z.enum(['release', 'debian', 'pypi', 'go']),
  /** Hash of everything that decides what was made; a change of the lock file makes old entries useless. */
  recipe: z.string(),
  /** Where the unpacked tree starts, below the entry. */
  root: z.string(),
  /** Program -> path below the entry. */
  programs: z.record(z.string(), z.string()),
  /** Program -> the ELF file behind it, below the entry. */
  elf: z.record(z.string(), z.string()),
  environment: z.record(z.string(), z.string()),
  /** Directory with the libraries the host lacked when this was unpacked. */
  libraries: z.string().optional(),
  /** The host's loader cache at that time: where it moved, the host may have lost a library since. */
  loader: z.string().optional(),
  files: z.record(z.string(), fileSchema),
});

export type CacheEntry = z.infer<typeof entrySchema>;
/** What a source made in a directory; the cache adds the rest. */
export type Made = Omit<CacheEntry, 'files' | 'name' | 'recipe'>;
export type FoundEntry = CacheEntry & { directory: string };

/** A cache entry that is there but not used, and why. */
export interface Rejected {
  directory: string;
  reason: string;
}

const manifestName = 'tool.json';

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function regularFiles(directory: string): Promise<string[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
}

/** What is wrong with an entry, or undefined. Contents are hashed again only where size or time moved: that is fast enough for every run. */
async function flawOf(directory: string, entry: CacheEntry): Promise<string | undefined> {
  for (const [path, wanted] of Object.entries(entry.files)) {
    let seen;
    try {
      seen = await lstat(join(directory, path));
    } catch {
      return `${path} is gone`;
    }
    if (seen.size !== wanted.size) return `${path} has ${seen.size} bytes instead of ${wanted.size}`;
    if (Math.trunc(seen.mtimeMs) !== wanted.mtimeMs && (await sha256Of(join(directory, path))) !== wanted.sha256) {
      return `${path} was changed`;
    }
  }
  for (const path of [...Object.values(entry.programs), ...Object.values(entry.elf)]) {
    try {
      await stat(join(directory, path));
    } catch {
      return `${path} is gone`;
    }
  }
  return undefined;
}

/** `<cacheDir>/tools/<name>/<version>-<origin>/`: an entry is complete or not there. */
export class ToolCache {
  readonly #root: string;

  constructor(cacheDir: string) {
    this.#root = join(cacheDir, 'tools');
  }

  directoryOf(name: string): string {
    return join(this.#root, name);
  }

  /** The newest sound entry that `accept` likes, and what was passed over. Never throws for a broken entry. */
  async find(
    name: string,
    accept: (entry: FoundEntry) => string | undefined | Promise<string | undefined>,
  ): Promise<{ entry?: FoundEntry | undefined; rejected: Rejected[] }> {
    const rejected: Rejected[] = [];
    const sound: FoundEntry[] = [];
    for (const child of await readdir(this.directoryOf(name)).catch(() => [])) {
      if (child.startsWith('.')) continue;
      const directory = join(this.directoryOf(name), child);
      try {
        const entry = entrySchema.parse(JSON.parse(await readFile(join(directory, manifestName), 'utf8')));
        const reason = (await accept({ ...entry, directory })) ?? (await flawOf(directory, entry));
        if (reason === undefined) sound.push({ ...entry, directory });
        else rejected.push({ directory, reason });
      } catch (error) {
        rejected.push({ directory, reason: `unreadable ${manifestName}: ${messageOf(error).split('\n')[0]}` });
      }
    }
    sound.sort((a, b) => compareVersions(parseVersion(b.version) ?? [], parseVersion(a.version) ?? []));
    return { entry: sound[0], rejected };
  }

  /**
   * Lets `make` fill an empty directory and moves it into place with its manifest, in one rename. A killed process
   * leaves a scratch folder that nobody believes and the next install removes.
   */
  async install(name: string, recipe: string, make: (directory: string) => Promise<Made>): Promise<FoundEntry> {
    const parent = this.directoryOf(name);
    await using scratch = await scratchFolder(parent);
    const work = join(scratch.path, 'new');
    await mkdir(work);
    const made = await make(work);
    await chmod(work, 0o755);
    const files: CacheEntry['files'] = {};
    for (const path of (await regularFiles(work)).sort()) {
      const seen = await stat(join(work, path));
      files[path] = { size: seen.size, mtimeMs: Math.trunc(seen.mtimeMs), sha256: await sha256Of(join(work, path)) };
    }
    const entry: CacheEntry = { name, recipe, ...made, files };
    await writeFile(join(work, manifestName), JSON.stringify(entry, null, 1));
    const directory = join(parent, `${made.version.replaceAll('/', '_')}-${made.origin}`);
    // An entry that was passed over is moved aside first: programs that still run from it keep their open files.
    await rename(directory, join(scratch.path, 'old')).catch(() => {});
    await rename(work, directory);
    return { ...entry, directory };
  }
}
