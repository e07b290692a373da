import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MeshproofError, messageOf } from '../base/errors.ts';
import { scratchFolder } from '../base/scratch.ts';
import type { Made } from './cache.ts';
import { findChecksum } from './checksum.ts';
import { download, downloadText, TransferError } from './download.ts';
import { fill } from './lock.ts';
import { NotHere, type SourceContext } from './source.ts';
import { takePrograms } from './unpack.ts';

/**
 * Downloads a file and believes it only by the publisher's checksum file. The checksum file comes first: without it
 * nothing is downloaded.
 *
 * @throws TransferError when a transfer failed; MeshproofError MESHPROOF_TOOL_CHECKSUM when the content is wrong.
 */
export async function downloadVerified(
  options: { url: string; checksums: string; path: string },
  context: Pick<SourceContext, 'signal' | 'detail' | 'stallMs'>,
): Promise<void> {
  const file = basename(new URL(options.url).pathname);
  const text = await downloadText(options.checksums, { signal: context.signal, timeoutMs: context.stallMs });
  const wanted = findChecksum(text, file);
  if (!wanted) throw new TransferError(`${options.checksums} does not list ${file}`);
  const got = await download(options.url, options.path, {
    signal: context.signal,
    stallMs: context.stallMs,
    algorithm: wanted.algorithm,
    onBytes: (received, total) =>
      context.detail(`${file} ${mebibytes(received)}${total ? ` of ${mebibytes(total)}` : ''} MiB`),
  });
  if (got !== wanted.hex) {
    await rm(options.path, { force: true });
    throw new MeshproofError(
      'MESHPROOF_TOOL_CHECKSUM',
      `${options.url} has ${wanted.algorithm} ${got}, its publisher says ${wanted.hex}`,
      'Something between here and the publisher changes downloads, or a mirror is broken. Nothing of it was used; try again, or install the tool on the host.',
    );
  }
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

/** The official binary release, for tools whose publisher has one. */
export async function fromRelease(directory: string, context: SourceContext): Promise<Made> {
  const { release, version } = context.lock;
  if (!release) throw new NotHere(context.lock.noRelease ?? 'no official release');
  const programs: Record<string, string> = {};
  await using downloads = await scratchFolder(directory);
  try {
    for (const file of release.files) {
      const url = fill(file.url, { version });
      const path = join(downloads.path, basename(new URL(url).pathname));
      await downloadVerified({ url, checksums: fill(file.checksums, { version }), path }, context);
      const inside = Object.fromEntries(
        Object.entries(file.programs).map(([name, at]) => [name, fill(at, { version })]),
      );
      await takePrograms(path, file.archive, join(directory, 'bin'), inside);
      for (const name of Object.keys(inside)) programs[name] = `bin/${name}`;
    }
  } catch (error) {
    if (error instanceof TransferError) throw new NotHere(messageOf(error));
    throw error;
  }
  return { version, origin: 'release', root: '.', programs, elf: programs, environment: {} };
}
