import { createHash } from 'node:crypto';
import { chmod, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshproofError, messageOf } from '../base/errors.ts';
import { runCommand } from '../base/process.ts';
import { scratchFolder } from '../base/scratch.ts';
import { sha256Of, type Made, type ToolCache } from './cache.ts';
import { download, TransferError } from './download.ts';
import { withFileLock } from './file-lock.ts';
import { findProgram, pathDirectories } from './host.ts';
import type { Internet } from './internet.ts';
import { fill, type ToolsLock } from './lock.ts';
import { downloadVerified } from './release.ts';
import { childEnv, NotHere, type SourceContext } from './source.ts';
import { untar, unzip } from './unpack.ts';
import { inRange } from './version.ts';

export interface GoToolchain {
  go: string;
  version: string;
  origin: 'host' | 'release' | 'go';
  /** Caches below our own directory when Go is ours; the host's Go keeps its own (warm) ones. */
  env: Record<string, string>;
}

/** The host's Go with its version, or why it does not do. */
export async function findGoOnHost(
  minimum: string,
  lock: ToolsLock['go'],
  context: Pick<SourceContext, 'env' | 'signal'>,
): Promise<GoToolchain | { reason: string }> {
  const go = await findProgram('go', [...pathDirectories(context.env), ...lock.directories]);
  if (go === undefined) return { reason: 'no Go on the host' };
  try {
    const env = childEnv(context.env, { GOTOOLCHAIN: 'local' });
    const { stdout } = await runCommand([go, 'env', 'GOVERSION'], { env, signal: context.signal, timeoutMs: 30_000 });
    const version = stdout.trim().replace(/^go/, '');
    if (!inRange(version, `>=${minimum}`)) return { reason: `${go} is ${version}, needed is ${minimum}` };
    return { go, version, origin: 'host', env: {} };
  } catch (error) {
    context.signal.throwIfAborted();
    return { reason: messageOf(error).split('\n')[0] ?? '' };
  }
}

/** The module proxies that GOPROXY names, in order; `direct` and `off` are no servers. */
export function goProxies(env: NodeJS.ProcessEnv): string[] {
  const given = env.GOPROXY === undefined || env.GOPROXY === '' ? 'https://proxy.golang.org,direct' : env.GOPROXY;
  return given
    .split(/[,|]/)
    .filter((each) => /^https?:\/\//.test(each))
    .map((each) => each.replace(/\/$/, ''));
}

/** Go's own sum of a module zip (golang.org/x/mod/sumdb/dirhash, Hash1), over files in `directory`. */
export async function hash1(directory: string, prefix: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const names = entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name).slice(directory.length + 1));
  const summary = createHash('sha256');
  for (const name of names.map((each) => `${prefix}${each}`).sort()) {
    summary.update(`${await sha256Of(join(directory, name.slice(prefix.length)))}  ${name}\n`);
  }
  return `h1:${summary.digest('base64')}`;
}

async function fromGoRelease(directory: string, context: SourceContext, lock: ToolsLock['go']): Promise<Made> {
  const { version } = lock;
  await using downloads = await scratchFolder(directory);
  const archive = join(downloads.path, 'go.tar.gz');
  await downloadVerified(
    { url: fill(lock.release.url, { version }), checksums: fill(lock.release.checksums, { version }), path: archive },
    context,
  );
  await untar(archive, directory, (name) => name);
  return goMade(version, 'release', 'go');
}

async function fromGoProxy(directory: string, context: SourceContext, lock: ToolsLock['go']): Promise<Made> {
  const version = fill(lock.toolchain.version, { version: lock.version });
  await using downloads = await scratchFolder(directory);
  const archive = join(downloads.path, 'toolchain.zip');
  const reasons: string[] = [];
  for (const proxy of goProxies(context.env)) {
    try {
      await download(`${proxy}/golang.org/toolchain/@v/${version}.zip`, archive, {
        signal: context.signal,
        stallMs: context.stallMs,
        onBytes: (received) => context.detail(`Go ${lock.version} ${(received / 2 ** 20).toFixed(0)} MiB`),
      });
      break;
    } catch (error) {
      if (!(error instanceof TransferError)) throw error;
      reasons.push(error.message);
      await rm(archive, { force: true });
    }
  }
  const prefix = `golang.org/toolchain@${version}/`;
  const root = join(directory, 'go');
  context.detail('unpacking Go');
  try {
    await unzip(archive, root, (name) => (name.startsWith(prefix) ? name.slice(prefix.length) : undefined));
  } catch (error) {
    throw new NotHere(`Go ${lock.version}: ${reasons.join('; ') || messageOf(error)}`);
  }
  const got = await hash1(root, prefix);
  if (got !== lock.toolchain.h1) {
    throw new MeshproofError(
      'MESHPROOF_TOOL_CHECKSUM',
      `golang.org/toolchain@${version} has ${got}, tools/lock.json says ${lock.toolchain.h1}`,
      'The Go module proxy serves something else than what was pinned. Nothing of it was used.',
    );
  }
  // Module zips keep no modes; the go command does the same to what it downloads.
  for (const sub of ['bin', 'pkg/tool/linux_amd64']) {
    for (const file of await readdir(join(root, sub))) await chmod(join(root, sub, file), 0o755);
  }
  return goMade(lock.version, 'go', 'go');
}

function goMade(version: string, origin: 'release' | 'go', root: string): Made {
  const programs = { go: `${root}/bin/go` };
  return { version, origin, root, programs, elf: programs, environment: {} };
}

/**
 * A Go that is new enough: the host's, else the cached one, else the official release, else the toolchain module.
 *
 * @throws NotHere with every reason.
 */
export async function ensureGo(
  minimum: string,
  lock: ToolsLock['go'],
  cache: ToolCache,
  internet: () => Promise<Internet>,
  context: SourceContext,
): Promise<GoToolchain> {
  const onHost = await findGoOnHost(minimum, lock, context);
  if ('go' in onHost) return onHost;
  const recipe = createHash('sha256').update(JSON.stringify(lock)).digest('hex');
  const accept = (entry: { recipe: string }) => (entry.recipe === recipe ? undefined : 'made by another lock file');
  const what = `Go ${lock.version}`;
  const entry = await withFileLock(
    join(cache.directoryOf('go'), '.lock'),
    { what, signal: context.signal, timeoutMs: 15 * 60_000 },
    async () => {
      const cached = await cache.find('go', accept);
      if (cached.entry) return cached.entry;
      const reasons = [onHost.reason];
      const online = await internet();
      const sources = [...(online.reachable ? [fromGoRelease] : []), fromGoProxy];
      if (!online.reachable) reasons.push(`release: ${online.reason}`);
      for (const source of sources) {
        try {
          return await cache.install('go', recipe, (directory) => source(directory, context, lock));
        } catch (error) {
          if (!(error instanceof NotHere) && !(error instanceof TransferError)) throw error;
          reasons.push(error.message);
        }
      }
      throw new NotHere(`Go ${lock.version} is needed to build it: ${reasons.join('; ')}`);
    },
  );
  const caches = join(context.cacheDir, 'go');
  return {
    go: join(entry.directory, entry.programs.go ?? ''),
    version: entry.version,
    origin: entry.origin === 'release' ? 'release' : 'go',
    // -modcacherw: a module cache is read-only by default, and `rm -r` of our cache would fail for others than root.
    env: {
      GOROOT: '',
      GOPATH: join(caches, 'path'),
      GOCACHE: join(caches, 'build'),
      GOMODCACHE: join(caches, 'mod'),
      GOFLAGS: '-modcacherw',
    },
  };
}
