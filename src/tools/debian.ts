import { chmod, mkdir, readFile, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { messageOf } from '../base/errors.ts';
import { scratchFolder } from '../base/scratch.ts';
import { PrivateApt, type AptPackage } from './apt.ts';
import type { Made } from './cache.ts';
import { linkMissingLibraries, loaderFingerprint } from './libraries.ts';
import { seriesOf, type DebianLock } from './lock.ts';
import { NotHere, type SourceContext } from './source.ts';
import { inRange } from './version.ts';

const programDirectories = ['usr/sbin', 'usr/bin', 'sbin', 'bin'];

function matches(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
}

/** The closure's libraries; the C library and package-management ones never. */
function librariesOf(closure: readonly AptPackage[], lock: DebianLock): AptPackage[] {
  const never = ['libc6', 'libc-*', 'libperl*', 'libpam-*', 'libaudit-common', 'libsemanage-common'];
  return closure.filter(
    ({ name }) => name.startsWith('lib') && !matches(name, [...never, ...lock.without, ...lock.packages]),
  );
}

async function place(root: string, program: string, lock: DebianLock): Promise<string> {
  const given = lock.files[program];
  const candidates =
    given === undefined ? [...lock.directories, ...programDirectories].map((dir) => `${dir}/${program}`) : [given];
  for (const candidate of candidates) {
    const path = join(root, candidate);
    if (await stat(path).catch(() => undefined)) return candidate;
  }
  throw new NotHere(`${lock.packages.join(', ')} came without ${program}`);
}

/** A Debian (or Ubuntu) package with the libraries the host lacks, unpacked: nothing is installed. */
export async function fromDebian(directory: string, context: SourceContext, wanted: DebianLock): Promise<Made> {
  const root = join(directory, 'root');
  return PrivateApt.use(context, async (apt) => {
    await using scratch = await scratchFolder(directory);
    await apt.update();
    const { version, lock } = await fetchPackages(apt, wanted, root, join(scratch.path, 'packages'));
    if (lock.concatenate) await concatenate(root, lock.concatenate);
    for (const path of lock.drop) await rm(join(root, path), { recursive: true, force: true });
    const elf: Record<string, string> = {};
    for (const program of lock.programs) elf[program] = `root/${await place(root, program, lock)}`;
    if (lock.concatenate) {
      return { version, origin: 'debian', root: 'root', programs: elf, elf: {}, environment: {} };
    }
    const where = { directory, root, scratch: scratch.path, elf: Object.values(elf) };
    const libraries = await resolveLibraries(apt, lock, where, context);
    if (lock.fonts !== undefined) await writeFontConfig(root, lock.fonts);
    const made: Made = {
      version,
      origin: 'debian',
      root: 'root',
      programs: elf,
      elf,
      environment: lock.environment,
      libraries,
      loader: await loaderFingerprint(),
    };
    const needsWrapping = libraries !== undefined || Object.keys(lock.environment).length > 0;
    return lock.wrap && needsWrapping ? { ...made, programs: await writeWrappers(directory, made) } : made;
  });
}

/** The first series that apt has whole and in range. @throws NotHere with the reason of each. */
export async function choosePackages(
  apt: Pick<PrivateApt, 'candidate'>,
  wanted: DebianLock,
): Promise<{ lock: DebianLock; packages: AptPackage[]; version: string }> {
  const reasons: string[] = [];
  for (const lock of seriesOf(wanted)) {
    const packages: AptPackage[] = [];
    const missing: string[] = [];
    for (const name of lock.packages) {
      const version = await apt.candidate(name);
      if (version === undefined) missing.push(name);
      else packages.push({ name, version });
    }
    const version = packages[0]?.version ?? '';
    if (missing.length > 0) reasons.push(`no apt source of the host has ${missing.join(', ')}`);
    else if (!inRange(version, lock.range))
      reasons.push(`Debian has ${lock.packages[0]} ${version}, not ${lock.range}`);
    else return { lock, packages, version: version.replace(/^\d+:/, '') };
  }
  throw new NotHere(reasons.join('; '));
}

async function fetchPackages(
  apt: PrivateApt,
  wanted: DebianLock,
  root: string,
  scratch: string,
): Promise<{ lock: DebianLock; version: string }> {
  for (const retry of [false, true]) {
    const { lock, packages, version } = await choosePackages(apt, wanted);
    try {
      await apt.unpack(packages, root, scratch);
      return { lock, version };
    } catch (error) {
      if (retry) throw new NotHere(`apt-get download: ${messageOf(error).split('\n').slice(0, 3).join(' ')}`);
      // Lists of this morning may name packages that are gone by now.
      await apt.update(true);
    }
  }
  throw new NotHere('not reached');
}

/** Downloads the closure's libraries only if the host lacks one, then links the lacking ones. */
async function resolveLibraries(
  apt: PrivateApt,
  lock: DebianLock,
  where: { directory: string; root: string; scratch: string; elf: string[] },
  context: SourceContext,
): Promise<string | undefined> {
  const into = join(where.directory, 'lib');
  const modules: string[] = [];
  for (const directory of lock.modules) {
    const entries = await readdir(join(where.root, directory), { recursive: true, withFileTypes: true });
    modules.push(...entries.filter((e) => e.isFile() && e.name.endsWith('.so')).map((e) => join(e.parentPath, e.name)));
  }
  const programs = await Promise.all(where.elf.map((path) => realpath(join(where.directory, path))));
  const unpacked = join(where.scratch, 'libraries');
  await mkdir(unpacked, { recursive: true });
  const options = {
    roots: [where.root, unpacked],
    into,
    files: [...programs, ...modules],
    names: lock.needed,
    signal: context.signal,
  };
  let lacking = await linkMissingLibraries(options);
  if (lacking.length > 0) {
    await apt.unpack(librariesOf(await apt.closure(lock.packages), lock), unpacked, join(where.scratch, 'archives'));
    lacking = await linkMissingLibraries(options);
  }
  if (lacking.length > 0) throw new NotHere(`libraries in no package: ${lacking.join(', ')}`);
  return (await readdir(into)).length > 0 ? 'lib' : undefined;
}

async function concatenate(root: string, { into, from }: { into: string; from: string }): Promise<void> {
  const parts: string[] = [];
  for (const file of (await readdir(join(root, from))).sort())
    parts.push((await readFile(join(root, from, file), 'utf8')).trimEnd());
  await writeFile(join(root, into), `${parts.join('\n')}\n`);
}

async function writeFontConfig(root: string, fonts: string): Promise<void> {
  const text = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">${fonts}</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;
  await writeFile(join(root, 'fonts.conf'), text);
}

/**
 * Scripts by which others can start the programs by name. They find the tree by their own place, so an entry may be
 * moved as a whole.
 */
async function writeWrappers(directory: string, made: Made): Promise<Record<string, string>> {
  const programs: Record<string, string> = {};
  await mkdir(join(directory, 'bin'));
  for (const [program, path] of Object.entries(made.elf)) {
    const assignments = Object.entries(made.environment).map(
      ([key, value]) => `${key}="${value.replaceAll('{root}', '$here/root')}"`,
    );
    if (made.libraries !== undefined) {
      assignments.push(`LD_LIBRARY_PATH="$here/${made.libraries}\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"`);
    }
    const set = assignments.length > 0 ? `export ${assignments.join(' ')}\n` : '';
    const wrapper = join(directory, 'bin', program);
    await writeFile(wrapper, `#!/bin/sh\nhere="\${0%/*}/.."\n${set}exec "$here/${path}" "$@"\n`);
    await chmod(wrapper, 0o755);
    programs[program] = relative(directory, wrapper);
  }
  return programs;
}
