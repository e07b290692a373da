import { link, mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runCommand } from '../base/process.ts';

/** Never taken from a package: the loader and the C library it belongs to must be the host's own pair. */
const ofTheLoader =
  /^(ld-linux.*|libc|libm|libdl|libpthread|librt|libresolv|libutil|libanl|libnsl|libnss_\w+|libthread_db)\.so/;

/**
 * Every library file name of unpacked roots with its place. Some hide in directories that only their users' RUNPATH
 * knows (pulseaudio, nss); the shallowest place wins.
 */
async function indexLibraries(roots: readonly string[]): Promise<Map<string, string>> {
  const read = async (root: string) => readdir(root, { recursive: true, withFileTypes: true });
  const entries = (await Promise.all(roots.map(read))).flat();
  const paths = entries.filter((e) => /\.so(\.|$)/.test(e.name)).map((e) => join(e.parentPath, e.name));
  paths.sort((a, b) => b.split('/').length - a.split('/').length);
  return new Map(paths.map((path) => [basename(path), path]));
}

/** Changes whenever libraries were added to the host or taken from it. */
export async function loaderFingerprint(): Promise<string> {
  const seen = await stat('/etc/ld.so.cache').catch(() => undefined);
  return seen ? `${seen.size}-${Math.trunc(seen.mtimeMs)}` : 'none';
}

/** Libraries that the host's loader does not find for these files. */
export async function missingLibraries(
  files: readonly string[],
  libraryPath: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const missing = new Set<string>();
  for (let at = 0; at < files.length; at += 100) {
    const result = await runCommand(['ldd', ...files.slice(at, at + 100)], {
      env: { LD_LIBRARY_PATH: libraryPath.join(':'), LC_ALL: 'C' },
      signal,
      timeoutMs: 60_000,
      okExitCodes: [0, 1],
    });
    for (const [, name] of result.stdout.matchAll(/^\s*(\S+) => not found/gm)) if (name) missing.add(name);
  }
  return [...missing].sort();
}

/** Names in the cache of the host's loader. */
async function hostLibraries(signal: AbortSignal): Promise<Set<string>> {
  const { stdout } = await runCommand(['/sbin/ldconfig', '-p'], { signal, timeoutMs: 30_000 });
  return new Set([...stdout.matchAll(/^\s+(\S+) \(/gm)].map(([, name = '']) => name));
}

/**
 * Links into `into` exactly those libraries of unpacked roots that the host lacks, so that LD_LIBRARY_PATH never
 * covers a library of the host.
 *
 * @param files programs and modules that must load
 * @param names libraries that are opened by name at run time, wanted unless the host has them
 * @returns libraries that neither the host nor the roots have
 */
export async function linkMissingLibraries(options: {
  roots: readonly string[];
  into: string;
  files: readonly string[];
  names?: readonly string[];
  signal: AbortSignal;
}): Promise<string[]> {
  const { roots, into, signal } = options;
  const index = await indexLibraries(roots);
  await mkdir(into, { recursive: true });
  const linked = new Set(await readdir(into));
  const files = [...options.files];
  const ofHost = options.names?.length ? await hostLibraries(signal) : new Set<string>();
  let wanted = (options.names ?? []).filter((name) => !ofHost.has(name));
  for (;;) {
    wanted.push(...(await missingLibraries(files, [into], signal)));
    wanted = [...new Set(wanted)].filter((name) => !linked.has(name));
    const unresolved: string[] = [];
    let progress = false;
    for (const name of wanted) {
      const place = ofTheLoader.test(name) ? undefined : index.get(name);
      if (place === undefined) unresolved.push(name);
      else {
        await link(await realpath(place), join(into, basename(name)));
        linked.add(name);
        files.push(join(into, basename(name)));
        progress = true;
      }
    }
    wanted = unresolved;
    if (!progress) return unresolved;
  }
}
