import { createWriteStream } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';

interface ZipEntry {
  name: string;
  method: number;
  compressedSize: number;
  headerOffset: number;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead !== length) throw new Error('the zip file is cut short');
  return buffer;
}

async function* readRange(file: FileHandle, start: number, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < length; at += 1 << 18) yield await readAt(file, start + at, Math.min(1 << 18, length - at));
}

/** Reads the central directory (APPNOTE.TXT 4.3.12): the only place where sizes are always right. No zip64. */
async function entriesOf(file: FileHandle): Promise<ZipEntry[]> {
  const { size } = await file.stat();
  const tailLength = Math.min(size, 22 + 65_535);
  const tail = await readAt(file, size - tailLength, tailLength);
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0) throw new Error('not a zip file: no end of central directory');
  const count = tail.readUInt16LE(end + 10);
  const directory = await readAt(file, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
  const entries: ZipEntry[] = [];
  for (let at = 0, i = 0; i < count; i++) {
    if (directory.readUInt32LE(at) !== 0x02014b50) throw new Error('the zip directory is damaged');
    const nameLength = directory.readUInt16LE(at + 28);
    entries.push({
      name: directory.toString('utf8', at + 46, at + 46 + nameLength),
      method: directory.readUInt16LE(at + 10),
      compressedSize: directory.readUInt32LE(at + 20),
      headerOffset: directory.readUInt32LE(at + 42),
    });
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

/** Unpacks the entries `want` names a place for (a path below `directory`). Modes are not kept: the caller sets them. */
export async function unzip(
  path: string,
  directory: string,
  want: (name: string) => string | undefined,
): Promise<number> {
  const file = await open(path);
  let count = 0;
  try {
    for (const entry of await entriesOf(file)) {
      const place = entry.name.endsWith('/') ? undefined : want(entry.name);
      if (place === undefined) continue;
      if (place.split('/').includes('..') || place.startsWith('/'))
        throw new Error(`${entry.name} leaves the directory`);
      if (entry.method !== 0 && entry.method !== 8)
        throw new Error(`${entry.name}: compression method ${entry.method}`);
      const target = join(directory, place);
      await mkdir(dirname(target), { recursive: true });
      const local = await readAt(file, entry.headerOffset, 30);
      const start = entry.headerOffset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
      if (entry.compressedSize === 0) {
        await (await open(target, 'w')).close();
      } else {
        const source = readRange(file, start, entry.compressedSize);
        if (entry.method === 8) await pipeline(source, createInflateRaw(), createWriteStream(target));
        else await pipeline(source, createWriteStream(target));
      }
      count++;
    }
  } finally {
    await file.close();
  }
  return count;
}
