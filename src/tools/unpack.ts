import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { openPromise } from 'yauzl';

/** Unpacks every regular file of a tar.gz for which `want` names a place. Links are not followed and not made. */
export async function untar(
  path: string,
  directory: string,
  want: (name: string) => string | undefined,
): Promise<number> {
  const unpacker = extract();
  let count = 0;
  const feeding = pipeline(createReadStream(path), createGunzip(), unpacker);
  const reading = (async () => {
    for await (const entry of unpacker) {
      const name = entry.header.name.replace(/^\.\//, '');
      const place = entry.header.type === 'file' ? want(name) : undefined;
      if (place === undefined) {
        entry.resume();
        continue;
      }
      const target = await makePlace(directory, place);
      await pipeline(entry, createWriteStream(target, { mode: entry.header.mode ?? 0o644 }));
      count++;
    }
  })();
  await Promise.all([feeding, reading]);
  return count;
}

/**
 * Unpacks every file of a zip for which `want` names a place. Modes are not kept: the caller sets them. Sums are not
 * looked at either (yauzl does not), because what is unpacked was held against a pinned or published one as a whole.
 */
export async function unzip(
  path: string,
  directory: string,
  want: (name: string) => string | undefined,
): Promise<number> {
  const archive = await openPromise(path, { autoClose: false });
  let count = 0;
  try {
    for await (const entry of archive.eachEntry()) {
      const place = entry.fileName.endsWith('/') ? undefined : want(entry.fileName);
      if (place === undefined) continue;
      const target = await makePlace(directory, place);
      await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(target));
      count++;
    }
  } finally {
    archive.close();
  }
  return count;
}

/** Where a file of an archive goes, with its folder made. Refuses what leaves the directory. */
async function makePlace(directory: string, place: string): Promise<string> {
  if (place.split('/').includes('..') || place.startsWith('/')) throw new Error(`${place} leaves the directory`);
  const target = join(directory, place);
  await mkdir(dirname(target), { recursive: true });
  return target;
}

/**
 * Takes programs out of a download into `directory`, executable.
 *
 * @param programs program -> path inside the archive
 * @throws Error naming the program that the archive does not have
 */
export async function takePrograms(
  path: string,
  archive: 'none' | 'tar.gz' | 'zip',
  directory: string,
  programs: Record<string, string>,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const names = Object.entries(programs);
  const taken = new Set<string>();
  const want = (entry: string): string | undefined => {
    const found = names.find(([, inside]) => inside === entry)?.[0];
    if (found !== undefined) taken.add(found);
    return found;
  };
  if (archive === 'none') {
    for (const [name] of names) {
      await copyFile(path, join(directory, name));
      taken.add(name);
    }
  } else if (archive === 'zip') await unzip(path, directory, want);
  else await untar(path, directory, want);
  for (const [name, inside] of names) {
    if (!taken.has(name)) throw new Error(`the archive has no ${inside}`);
    await chmod(join(directory, name), 0o755);
  }
}
