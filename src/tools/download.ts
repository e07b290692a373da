import { createHash, type Hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { messageOf } from '../base/errors.ts';

/** A transfer that failed: another source may still do. Not for content that is wrong. */
export class TransferError extends Error {}

export interface DownloadOptions {
  signal: AbortSignal;
  /** No byte for this long ends the transfer. */
  stallMs?: number | undefined;
  /** Sum over the bytes; `sha256` or `sha512`. */
  algorithm?: string;
  onBytes?: (received: number, total: number | undefined) => void;
}

/** Streams a URL into a file and returns its sum in hex. Throws TransferError when the transfer is cut, refused or stalls. */
export async function download(url: string, path: string, options: DownloadOptions): Promise<string> {
  const { stallMs = 30_000, algorithm = 'sha256' } = options;
  const stall = new AbortController();
  const signal = AbortSignal.any([options.signal, stall.signal]);
  let timer = setTimeout(() => stall.abort(), stallMs);
  const hash: Hash = createHash(algorithm);
  let received = 0;
  try {
    const response = await fetch(url, { signal });
    if (!response.ok || !response.body) throw new TransferError(`${url} answered ${response.status}`);
    const length = response.headers.get('content-encoding') ? null : response.headers.get('content-length');
    const total = length === null ? undefined : Number(length);
    const counted = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        clearTimeout(timer);
        timer = setTimeout(() => stall.abort(), stallMs);
        received += chunk.length;
        hash.update(chunk);
        options.onBytes?.(received, total);
        done(null, chunk);
      },
    });
    await pipeline(Readable.fromWeb(response.body as ReadableStream), counted, createWriteStream(path), { signal });
    if (total !== undefined && received !== total) {
      throw new TransferError(`${url} ended after ${received} of ${total} bytes`);
    }
    return hash.digest('hex');
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof TransferError) throw error;
    if (stall.signal.aborted)
      throw new TransferError(`${url} sent nothing for ${stallMs} ms (after ${received} bytes)`);
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOSPC' || code === 'EACCES' || code === 'EROFS') throw error;
    const cause = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
    throw new TransferError(`${url}: ${cause} (after ${received} bytes)`);
  } finally {
    clearTimeout(timer);
  }
}

/** A small text such as a checksum file; refuses more than a mebibyte. */
export async function downloadText(
  url: string,
  options: { signal: AbortSignal; timeoutMs?: number | undefined; accept?: string },
): Promise<string> {
  const deadline = AbortSignal.timeout(options.timeoutMs ?? 30_000);
  try {
    const headers: Record<string, string> = options.accept === undefined ? {} : { accept: options.accept };
    const response = await fetch(url, { signal: AbortSignal.any([options.signal, deadline]), headers });
    if (!response.ok) throw new TransferError(`${url} answered ${response.status}`);
    const text = await response.text();
    if (text.length > 1 << 20) throw new TransferError(`${url} is too long to be what it should be`);
    return text;
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof TransferError) throw error;
    if (deadline.aborted) throw new TransferError(`${url} did not answer in time`);
    const cause = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
    throw new TransferError(`${url}: ${cause}`);
  }
}
