import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshproofError, messageOf } from '../base/errors.ts';
import { runCommand } from '../base/process.ts';
import type { Made } from './cache.ts';
import type { GoBuildProgress, PlannedPackage } from './go-builds.ts';
import type { GoToolchain } from './go-toolchain.ts';
import { fill, toolsDirectory, type GoFilesLock, type GoLock } from './lock.ts';
import { childEnv, type SourceContext } from './source.ts';

/** The oldest Go that a module of `tools/` builds with, from its go.mod. */
export function goVersionOf(directory: string): string {
  const text = readFileSync(join(toolsDirectory, directory, 'go.mod'), 'utf8');
  return /^go (\S+)/m.exec(text)?.[1] ?? '1.0';
}

/** Hash of the module's files: a change of go.mod, go.sum or main.go makes another binary. */
export async function moduleSum(directory: string): Promise<string> {
  const hash = createHash('sha256');
  const path = join(toolsDirectory, directory);
  for (const file of (await readdir(path)).sort()) hash.update(`${file}\n`).update(await readFile(join(path, file)));
  return hash.digest('hex');
}

/** What `go list` and `go build` must be told alike, so that they speak of the same packages. */
function flagsOf(lock: GoLock, version: string): string[] {
  return [
    ...['-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', fill(lock.ldflags, { version })],
    ...(lock.tags === undefined ? [] : ['-tags', lock.tags]),
  ];
}

/** Of a lock entry what the go command is started by. */
type PinnedModule = Pick<GoLock, 'module' | 'directory' | 'files'>;

async function runGo(
  args: readonly string[],
  { context, lock, go, onLine }: { context: SourceContext; lock: PinnedModule; go: GoToolchain; onLine: OnLine },
): Promise<string> {
  const env = childEnv(context.env, {
    ...go.env,
    ...{ CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOOS: 'linux', GOARCH: 'amd64', GOWORK: 'off' },
    HOME: context.env.HOME ?? context.cacheDir,
  });
  const onGoLine = (line: string): void => {
    if (line.startsWith('go: downloading')) context.detail(line.slice(4));
    else onLine(line);
  };
  const cwd = join(toolsDirectory, lock.directory);
  try {
    const { signal } = context;
    const result = await runCommand([go.go, ...args], { env, cwd, signal, timeoutMs: 30 * 60_000, onLine: onGoLine });
    return result.stdout;
  } catch (error) {
    context.signal.throwIfAborted();
    throw new MeshproofError(
      'MESHPROOF_TOOL_BUILD',
      `${lock.module} ${context.lock.version} could not be had with Go ${go.version}: ${messageOf(error)}`,
      'It needs the Go module proxy (GOPROXY); a build, some 3 GiB of free disk and 3 GiB of memory too.',
      { cause: error },
    );
  }
}

type OnLine = (line: string) => void;

/** Fetches the modules that the build needs, and says which packages of them the build cache lacks. */
export async function planGoBuild(context: SourceContext, lock: GoLock, go: GoToolchain): Promise<PlannedPackage[]> {
  context.detail('resolving modules');
  const format = '{{if .Stale}}{{.ImportPath}} {{with .Module}}{{.Version}}{{end}}{{end}}';
  const args = ['list', ...flagsOf(lock, context.lock.version), '-deps', '-f', format, lock.build];
  const stdout = await runGo(args, { context, lock, go, onLine: () => {} });
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [path = '', version = ''] = line.split(' ');
      return { path, version };
    });
}

/** Builds a tool from its Go module, with every dependency pinned by go.sum. */
export async function goBuild(
  directory: string,
  context: SourceContext,
  lock: GoLock,
  go: GoToolchain,
  build: GoBuildProgress,
): Promise<Made> {
  const { version } = context.lock;
  const [first = '', ...others] = lock.programs;
  await mkdir(join(directory, 'bin'));
  const binary = others.length === 0 ? first : lock.directory;
  const args = ['build', '-v', ...flagsOf(lock, version), '-o', join(directory, 'bin', binary), lock.build];
  context.detail(build.text());
  await runGo(args, {
    ...{ context, lock, go },
    onLine: (line) => {
      if (build.compiling(line)) context.detail(build.text());
    },
  });
  build.finished();
  if (others.length > 0) {
    for (const name of lock.programs) await symlink(binary, join(directory, 'bin', name));
  }
  const files = await copyFiles(directory, context, lock, go);
  const programs = Object.fromEntries(lock.programs.map((name) => [name, `bin/${name}`]));
  const elf = Object.fromEntries(lock.programs.map((name) => [name, `bin/${binary}`]));
  return { version, origin: 'go', root: '.', programs: { ...programs, ...files }, elf, environment: {} };
}

/** Takes files from a Go module, verified by go.sum; nothing is built. */
export async function goFiles(
  directory: string,
  context: SourceContext,
  lock: GoFilesLock,
  go: GoToolchain,
): Promise<Made> {
  await runGo(['mod', 'download', lock.module], { context, lock, go, onLine: () => {} });
  const programs = await copyFiles(directory, context, lock, go);
  return { version: context.lock.version, origin: 'go', root: '.', programs, elf: {}, environment: {} };
}

/** Files of the module, as they are. */
async function copyFiles(
  directory: string,
  context: SourceContext,
  lock: PinnedModule,
  go: GoToolchain,
): Promise<Record<string, string>> {
  const wanted = Object.entries(lock.files ?? {});
  if (wanted.length === 0) return {};
  const args = ['list', '-mod=readonly', '-m', '-f', '{{.Dir}}', lock.module];
  const module = (await runGo(args, { context, lock, go, onLine: () => {} })).trim();
  await mkdir(join(directory, 'files'));
  for (const [name, path] of wanted) await copyFile(join(module, path), join(directory, 'files', name));
  return Object.fromEntries(wanted.map(([name]) => [name, `files/${name}`]));
}
