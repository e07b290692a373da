import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshproofError } from '../base/errors.ts';
import { runCommand } from '../base/process.ts';
import { fingerprint } from './fingerprint.ts';
import { writeAtomically } from './layer.ts';

export interface SharedLibrary {
  /** Name the loader looks for, e.g. `libpq.so.5`. */
  soname: string;
  hostPath: string;
}

export interface ClosureOptions {
  binaries: readonly string[];
  /** Searched before the system's directories, as LD_LIBRARY_PATH. */
  libraryPath?: readonly string[] | undefined;
  /** Where answers are kept: asking `ldd` about the 130 modules of iptables takes seconds. */
  cacheDir?: string;
}

/**
 * Every shared library the binaries need at start, the loader included, sorted by name; empty for static ones.
 * A cached answer counts only while the binaries and the libraries are the very files it was given for.
 *
 * @throws MeshproofError MESHPROOF_IMAGE when a library is not on the host.
 */
export async function libraryClosure(options: ClosureOptions): Promise<SharedLibrary[]> {
  const { binaries, libraryPath = [], cacheDir } = options;
  const key = createHash('sha256')
    .update(JSON.stringify([libraryPath, await Promise.all(binaries.map(fingerprint))]))
    .digest('hex');
  const cachePath = cacheDir && join(cacheDir, 'images', 'closures', `${key}.json`);
  if (cachePath) {
    const known = await readAnswer(cachePath);
    if (known) return known;
  }
  const { stdout, stderr } = await runCommand(['ldd', ...binaries], {
    env: { LC_ALL: 'C', ...(libraryPath.length > 0 ? { LD_LIBRARY_PATH: libraryPath.join(':') } : {}) },
    okExitCodes: [0, 1], // 1: "not a dynamic executable"
  });
  if (/No such file/.test(stderr)) {
    throw new MeshproofError('MESHPROOF_IMAGE', `ldd: ${stderr.trim()}`, 'Run `meshproof doctor` to check the tools.');
  }
  const libraries = parseLdd(stdout);
  if (cachePath) {
    const fingerprints = await Promise.all(libraries.map((library) => fingerprint(library.hostPath)));
    await writeAtomically(cachePath, JSON.stringify({ libraries, fingerprints }));
  }
  return libraries;
}

/** Reads the output of `ldd`: `libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x…)` and the loader's own line. */
export function parseLdd(output: string): SharedLibrary[] {
  const found = new Map<string, string>();
  for (const line of output.split('\n')) {
    const missing = /^\s+(\S+) => not found/.exec(line);
    if (missing) {
      throw new MeshproofError(
        'MESHPROOF_IMAGE',
        `The library ${missing[1]} is not on this host`,
        'A tool was unpacked without one of its packages: empty the cache and run `meshproof doctor --fetch`.',
      );
    }
    const match = /^\s+(?:(\S+) => )?(\/\S+) \(0x/.exec(line);
    if (!match) continue;
    const [, name, hostPath] = match;
    found.set(fileName(name ?? hostPath!), hostPath!);
  }
  return [...found].map(([soname, hostPath]) => ({ soname, hostPath })).sort((a, b) => (a.soname < b.soname ? -1 : 1));
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

async function readAnswer(path: string): Promise<SharedLibrary[] | undefined> {
  try {
    const answer = JSON.parse(await readFile(path, 'utf8')) as { libraries: SharedLibrary[]; fingerprints: string[] };
    const now = await Promise.all(answer.libraries.map((library) => fingerprint(library.hostPath)));
    return now.every((print, i) => print === answer.fingerprints[i]) ? answer.libraries : undefined;
  } catch {
    return undefined;
  }
}
