import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import type { ReadyImage } from './image.ts';
import { imageError, touch } from './layer.ts';
import { readLayout } from './oci-layout.ts';

/**
 * The images of an OCI or Docker archive, gzipped or not. It is unpacked into the cache once for as long as the file is the
 * same.
 *
 * @throws MeshproofError MESHPROOF_IMAGE, MESHPROOF_DISK_FULL
 */
export async function foreignArchive(
  file: string,
  options: { toolbox: { cacheDir: string }; signal?: AbortSignal | undefined },
): Promise<ReadyImage[]> {
  const { toolbox, signal } = options;
  const info = await stat(file).catch((error: unknown) => {
    throw imageError(`The archive ${file} cannot be read`, error);
  });
  const key = createHash('sha256').update(`${file} ${info.size} ${info.mtimeMs} ${info.ino}`).digest('hex');
  const folder = join(toolbox.cacheDir, 'images', 'foreign', key.slice(0, 32));
  const links = await readLinks(folder);
  if (links !== undefined) await touch(folder);
  const known = links ?? (await unpack(file, folder, signal));
  return readLayout(file, (path) => join(folder, inside(known[inside(path)] ?? path)));
}

type Links = Record<string, string>;

const linksFile = 'meshproof-links.json';

/** Written last: an unpacked folder without it is half of one. */
async function readLinks(folder: string): Promise<Links | undefined> {
  return readFile(join(folder, linksFile), 'utf8').then(
    (text) => JSON.parse(text) as Links,
    () => undefined,
  );
}

/** Files as they are; links are remembered, not made: an archive must not reach out of its folder. */
async function unpack(file: string, folder: string, signal?: AbortSignal): Promise<Links> {
  const partial = `${folder}.${process.pid}.partial`;
  const links: Links = {};
  try {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    const entries = extract();
    const work = (async () => {
      for await (const entry of entries) {
        const { name, type, linkname } = entry.header;
        const path = inside(name);
        if ((type === 'symlink' || type === 'link') && linkname)
          links[path] = type === 'link' ? inside(linkname) : inside(posix.join(posix.dirname(path), linkname));
        if (type !== 'file') {
          entry.resume();
          continue;
        }
        await mkdir(join(partial, dirname(path)), { recursive: true });
        await pipeline(entry, createWriteStream(join(partial, path)), { signal });
      }
    })();
    const source = createReadStream(file, { highWaterMark: 1024 * 1024 });
    const read = (await isGzip(file))
      ? pipeline(source, createGunzip(), entries, { signal })
      : pipeline(source, entries, { signal });
    await Promise.all([read, work]);
    await writeFile(join(partial, linksFile), JSON.stringify(links));
    await rm(folder, { recursive: true, force: true });
    await rename(partial, folder);
    return links;
  } catch (error) {
    signal?.throwIfAborted();
    throw imageError(`The archive ${file} could not be unpacked`, error);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** A path below the folder, whatever the archive says: `../../etc/passwd` is `etc/passwd`. */
function inside(path: string): string {
  return posix.join('/', path).slice(1);
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}
