import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { MeshproofError, messageOf } from '../base/errors.ts';
import { pollUntil } from '../base/poll.ts';
import type { KubeClient } from './types.ts';

export interface PodFile {
  pod: { namespace: string; name: string };
  container: string;
  path: string;
}

export interface PodFileOptions {
  /** For all attempts together; default 60 s. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** A shell in the image, with gzip and sha256sum. */
  shell?: readonly string[] | undefined;
}

const defaultTimeoutMs = 60_000;
const intervalMs = 200;
const script = 'sha256sum "$0" >&2 && exec gzip -c "$0"';

/**
 * Reads a file of a container through an exec stream, compressed and never whole in memory. `read` gets its bytes as
 * they come; its result counts only if the hash of all of them is the one that the container gave, and it is called
 * again, from the start, after a stream that broke. The file must not change meanwhile.
 *
 * @throws MeshproofError MESHPROOF_KUBE_API when there is no such file or it cannot be read; what `read` throws.
 */
export async function readPodFile<T>(
  kube: KubeClient,
  file: PodFile,
  read: (bytes: AsyncIterable<Buffer>) => Promise<T>,
  options: PodFileOptions = {},
): Promise<T> {
  const { timeoutMs = defaultTimeoutMs, signal } = options;
  return await pollUntil(async () => ({ ready: await readPodFileOnce(kube, file, read, { ...options, timeoutMs }) }), {
    what: `reading ${nameOf(file)}`,
    timeoutMs,
    intervalMs,
    signal,
    code: 'MESHPROOF_KUBE_API',
    hint: 'The connection to the container breaks again and again: see the API server log and the events of the pod.',
  });
}

/** One attempt of readPodFile, for whoever waits for more than the file. @throws as readPodFile; retryable when the stream broke */
export async function readPodFileOnce<T>(
  kube: KubeClient,
  file: PodFile,
  read: (bytes: AsyncIterable<Buffer>) => Promise<T>,
  options: PodFileOptions,
): Promise<T> {
  const { shell = ['busybox', 'sh'], timeoutMs, signal } = options;
  const gunzip = createGunzip();
  const hash = createHash('sha256');
  const tap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  let result: { value: T } | { thrown: unknown } | undefined;
  const reading = pipeline(gunzip, tap, async (bytes: AsyncIterable<Buffer>) => {
    try {
      result = { value: await read(bytes) };
    } catch (thrown) {
      result = { thrown };
      throw thrown;
    }
  });
  // Awaited below; until then its failure is not unhandled.
  reading.catch(() => {});
  let stderr: string;
  try {
    const done = await kube.exec(file.pod, [...shell, '-c', script, file.path], {
      container: file.container,
      stdout: gunzip,
      timeoutMs,
      signal,
    });
    stderr = done.stderr;
    if (done.exitCode !== 0) throw unreadable(file, stderr.trim() || `exit code ${done.exitCode}`);
  } catch (error) {
    // Damaged data and a reader that throws break the exec, too: theirs is the better reason.
    const { destroyed, errored } = gunzip;
    gunzip.destroy();
    await reading.catch(() => {});
    if (isZlib(errored)) throw damaged(file, messageOf(errored), errored);
    throw destroyed && result && 'thrown' in result ? result.thrown : error;
  }
  gunzip.end();
  await reading.catch((reason: unknown) => {
    throw isZlib(reason) ? damaged(file, messageOf(reason), reason) : reason;
  });
  const expected = /^[0-9a-f]{64}/m.exec(stderr)?.[0];
  if (hash.digest('hex') !== expected) throw damaged(file, 'its hash does not fit');
  return (result as { value: T }).value;
}

function nameOf({ pod, container, path }: PodFile): string {
  return `${path} in container ${container} of ${pod.namespace}/${pod.name}`;
}

function unreadable(file: PodFile, why: string): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_KUBE_API',
    `${nameOf(file)} cannot be read: ${why}`,
    'See the log of the container: did it write the file?',
  );
}

function damaged(file: PodFile, why: string, cause?: unknown): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_KUBE_API',
    `${nameOf(file)} arrived damaged: ${why}`,
    'The connection to the container is cut short, or the file is still being written.',
    { cause, retryable: true },
  );
}

function isZlib(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code?.startsWith('Z_') ?? false;
}
