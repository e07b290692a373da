import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Header, type Pack } from 'tar-stream';

/** One member of a tar. `path` has no leading slash. */
export interface TarEntry {
  path: string;
  mode: number;
  uid: number;
  gid: number;
  body:
    | { kind: 'file'; size: number; open: () => Readable }
    | { kind: 'bytes'; bytes: Uint8Array }
    | { kind: 'link'; to: string }
    | { kind: 'directory' };
}

/**
 * A tar stream that depends on nothing but its entries: sorted by path (bytewise, so a directory precedes what is
 * in it), time zero, no owner names. Files are streamed, one at a time.
 */
export function packTar(entries: readonly TarEntry[], signal?: AbortSignal): Pack {
  const stream = pack();
  const sorted = entries.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  void addAll(stream, sorted, signal).catch((error: unknown) => stream.destroy(error as Error));
  return stream;
}

async function addAll(stream: Pack, entries: readonly TarEntry[], signal?: AbortSignal): Promise<void> {
  for (const entry of entries) {
    signal?.throwIfAborted();
    const { body } = entry;
    const header: Partial<Header> & { name: string } = {
      name: body.kind === 'directory' ? `${entry.path}/` : entry.path,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      mtime: new Date(0),
      type: body.kind === 'link' ? 'symlink' : body.kind === 'directory' ? 'directory' : 'file',
    };
    if (body.kind === 'file') {
      await pipeline(body.open(), stream.entry({ ...header, size: body.size }), { signal });
      continue;
    }
    if (body.kind === 'link') header.linkname = body.to;
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null): void => (error ? reject(error) : resolve());
      if (body.kind === 'bytes') stream.entry(header, Buffer.from(body.bytes), done);
      else stream.entry(header, done);
    });
  }
  stream.finalize();
}
