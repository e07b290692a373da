import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { MeshproofError, isDiskFull } from './errors.ts';

/** Where a file is until it is whole: readers never see half of it, whatever ends the writing. */
export function partOf(path: string): string {
  return `${path}.${process.pid}.part`;
}

/**
 * Writes the whole file or nothing.
 *
 * @throws MeshproofError MESHPROOF_DISK_FULL naming the file
 */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const part = partOf(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(part, content);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw writeError(path, error);
  }
}

/** A file that is written piece by piece, and is there once it was committed. */
export interface WholeFile extends AsyncDisposable {
  /** For `pipeline`. */
  readonly stream: Writable;
  /** Takes any number of pieces; who has many waits for `drained` now and then, so that they do not pile up in memory. */
  write(piece: string | Uint8Array): void;
  /** @throws MeshproofError MESHPROOF_DISK_FULL naming the file; any other error of the file as it is */
  drained(): Promise<void>;
  /** Resolves when every byte is in the file, under its name. Throws as `drained` does. */
  commit(): Promise<void>;
}

/** Begins a file; disposing of it without a commit leaves nothing. */
export async function openWhole(path: string): Promise<WholeFile> {
  const part = partOf(path);
  await mkdir(dirname(path), { recursive: true });
  const stream = createWriteStream(part);
  const closed = finished(stream);
  // Whoever drains or commits gets it; without a listener it would end the process.
  closed.catch(() => {});
  const named = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      if (stream.errored) throw stream.errored;
      await work();
    } catch (error) {
      throw writeError(path, error);
    }
  };
  return {
    stream,
    write: (piece) => void stream.write(piece),
    // `drain` never comes once the stream has failed; `once` rejects if it fails in the meantime.
    drained: () => named(async () => (stream.writableNeedDrain ? once(stream, 'drain') : undefined)),
    commit: () =>
      named(async () => {
        stream.end();
        await closed;
        await rename(part, path);
      }),
    [Symbol.asyncDispose]: async () => {
      stream.destroy();
      await closed.catch(() => {});
      await rm(part, { force: true });
    },
  };
}

function writeError(path: string, error: unknown): unknown {
  if (error instanceof MeshproofError || !isDiskFull(error)) return error;
  return new MeshproofError(
    'MESHPROOF_DISK_FULL',
    `No space is left to write ${path}`,
    'Free some there, then try again.',
    {
      cause: error,
    },
  );
}
