import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MeshproofError, isDiskFull, messageOf } from '../base/errors.ts';
import { scratchFolder } from '../base/scratch.ts';
import type { LayerFile, LayerSpec } from './image.ts';
import { packTar, type TarEntry } from './tar.ts';

/** A layer on disk. Uncompressed, so its digest is its diff id too. */
export interface BuiltLayer {
  name: string;
  path: string;
  digest: string;
  bytes: number;
}

/** Changes whenever the bytes written for the same files change. */
const formatVersion = 1;

/** Links in the base layer: a file below one of them would replace the link by a directory. */
const mergedDirectories = /^\/(bin|sbin|lib|lib64|usr\/lib64)(\/|$)/;

/**
 * Writes a layer, or finds it in the cache. The cache key is made of what `stat` says of the sources (path, size,
 * times, inode), so a warm build reads no file; the digest is made of the content, so it is the same wherever and
 * whenever the same content is built.
 *
 * Layers are not compressed: they go to a node on the same disk, where gzip costs 20 s for 400 MB and saves nothing.
 */
export async function buildLayer(spec: LayerSpec, layersDir: string, signal?: AbortSignal): Promise<BuiltLayer> {
  const { entries, key } = await resolveFiles(spec);
  const infoPath = join(layersDir, `${key}.json`);
  // The images of a lab and of its app share layers that each of them describes.
  const running = inFlight.get(infoPath);
  if (running !== undefined) return { ...(await running), name: spec.name };
  const built = buildOnce({ name: spec.name, entries, infoPath, layersDir, signal });
  inFlight.set(infoPath, built);
  try {
    return await built;
  } finally {
    inFlight.delete(infoPath);
  }
}

const inFlight = new Map<string, Promise<BuiltLayer>>();

interface LayerWork {
  name: string;
  entries: TarEntry[];
  infoPath: string;
  layersDir: string;
  signal: AbortSignal | undefined;
}

async function buildOnce({ name, entries, infoPath, layersDir, signal }: LayerWork): Promise<BuiltLayer> {
  const known = await readInfo(infoPath);
  if (known) {
    const path = join(layersDir, `${known.digest.slice(7)}.tar`);
    const bytes = await sizeOf(path);
    if (bytes === known.bytes) {
      await touch(path);
      return { name, path, ...known };
    }
  }
  try {
    await using scratch = await scratchFolder(layersDir);
    const partial = join(scratch.path, 'layer.tar');
    const hash = createHash('sha256');
    let bytes = 0;
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        bytes += chunk.length;
        done(null, chunk);
      },
    });
    await pipeline(packTar(entries, signal), meter, createWriteStream(partial), { signal });
    const digest = `sha256:${hash.digest('hex')}`;
    const path = join(layersDir, `${digest.slice(7)}.tar`);
    await rename(partial, path);
    await writeAtomically(infoPath, JSON.stringify({ digest, bytes }));
    return { name, path, digest, bytes };
  } catch (error) {
    signal?.throwIfAborted();
    throw imageError(`Layer ${name} could not be written`, error);
  }
}

/** Wraps a file system error; a full disk gets its own code. */
export function imageError(what: string, error: unknown): MeshproofError {
  if (error instanceof MeshproofError) return error;
  const full = isDiskFull(error);
  return new MeshproofError(
    full ? 'MESHPROOF_DISK_FULL' : 'MESHPROOF_IMAGE',
    `${what}: ${messageOf(error)}`,
    full
      ? 'Free 2 GiB where the cache is, or point XDG_CACHE_HOME to a larger disk.'
      : 'Run `meshproof doctor` to check the tools.',
    { cause: error },
  );
}

/** Writes the whole file or nothing; its folder is made. */
export async function writeAtomically(path: string, content: string): Promise<void> {
  await using scratch = await scratchFolder(dirname(path));
  const partial = join(scratch.path, 'partial');
  await writeFile(partial, content);
  await rename(partial, path);
}

/** Marks a cache file as used, for the pruning by age. */
export async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
}

async function resolveFiles(spec: LayerSpec): Promise<{ entries: TarEntry[]; key: string }> {
  const entries = new Map<string, TarEntry>();
  const sources: unknown[] = [formatVersion];
  for (const file of spec.files) {
    const path = checkedPath(file, spec.name);
    const { entry, source } = await resolveFile(file, path);
    const earlier = entries.get(path);
    if (earlier && earlier.body.kind !== 'directory') {
      throw new MeshproofError(
        'MESHPROOF_IMAGE',
        `Layer ${spec.name} has /${path} twice`,
        'Give each path of a layer once.',
      );
    }
    entries.set(path, entry);
    sources.push([path, entry.mode, entry.uid, entry.gid, source]);
  }
  for (const path of [...entries.keys()]) {
    for (let parent = posix.dirname(path); parent !== '.'; parent = posix.dirname(parent)) {
      if (entries.has(parent)) break;
      entries.set(parent, {
        path: parent,
        mode: parent === 'tmp' ? 0o1777 : 0o755,
        uid: 0,
        gid: 0,
        body: { kind: 'directory' },
      });
    }
  }
  return { entries: [...entries.values()], key: createHash('sha256').update(JSON.stringify(sources)).digest('hex') };
}

function checkedPath(file: LayerFile, layer: string): string {
  const clean = posix.normalize(file.path);
  const isMergedLink = 'linkTo' in file.source && /^\/(bin|sbin|lib|lib64|usr\/lib64)$/.test(clean);
  if (!clean.startsWith('/') || clean === '/' || (mergedDirectories.test(clean) && !isMergedLink)) {
    throw new MeshproofError(
      'MESHPROOF_IMAGE',
      `Layer ${layer} has a file at ${file.path}`,
      'Paths are absolute, and /bin, /sbin, /lib and /lib64 are links into /usr: use /usr/bin and so on.',
    );
  }
  return clean.slice(1);
}

async function resolveFile(file: LayerFile, path: string): Promise<{ entry: TarEntry; source: unknown }> {
  const owner = { path, uid: file.uid ?? 0, gid: file.gid ?? 0 };
  const { source } = file;
  if ('directory' in source) {
    return { entry: { ...owner, mode: file.mode ?? 0o755, body: { kind: 'directory' } }, source: 'directory' };
  }
  if ('linkTo' in source) {
    return {
      entry: { ...owner, mode: 0o777, body: { kind: 'link', to: source.linkTo } },
      source: ['link', source.linkTo],
    };
  }
  if ('content' in source) {
    const bytes = Buffer.from(source.content);
    return {
      entry: { ...owner, mode: file.mode ?? 0o644, body: { kind: 'bytes', bytes } },
      source: ['content', createHash('sha256').update(bytes).digest('hex')],
    };
  }
  const { hostPath } = source;
  const info = await stat(hostPath, { bigint: true }).catch((error: unknown) => {
    throw imageError(`/${path} of an image needs ${hostPath}`, error);
  });
  const executable = (info.mode & 0o111n) !== 0n;
  const size = Number(info.size);
  return {
    entry: {
      ...owner,
      mode: file.mode ?? (executable ? 0o755 : 0o644),
      body: { kind: 'file', size, open: () => createReadStream(hostPath, { highWaterMark: 1024 * 1024 }) },
    },
    source: [hostPath, size, `${info.mtimeNs}`, `${info.ctimeNs}`, `${info.ino}`],
  };
}

async function readInfo(path: string): Promise<{ digest: string; bytes: number } | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as { digest: string; bytes: number };
  } catch {
    return undefined;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch {
    return undefined;
  }
}
