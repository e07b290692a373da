import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshproofError, messageOf } from '../base/errors.ts';
import { runCommand } from '../base/process.ts';
import type { Made } from './cache.ts';
import type { GoToolchain } from './go-toolchain.ts';
import { fill, toolsDirectory, type GoLock } from './lock.ts';
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

/** Builds a tool from its Go module, with every dependency pinned by go.sum. */
export async function goBuild(directory: string, context: SourceContext, lock: GoLock, go: GoToolchain): Promise<Made> {
  const { version } = context.lock;
  const [first = '', ...others] = lock.programs;
  await mkdir(join(directory, 'bin'));
  const binary = others.length === 0 ? first : lock.directory;
  let compiled = 0;
  const argv = [
    ...[go.go, 'build', '-v', '-mod=readonly', '-trimpath', '-buildvcs=false'],
    ...(lock.tags === undefined ? [] : ['-tags', lock.tags]),
    ...['-ldflags', fill(lock.ldflags, { version }), '-o', join(directory, 'bin', binary), lock.build],
  ];
  const env = childEnv(context.env, {
    ...go.env,
    ...{
      CGO_ENABLED: '0',
      GOTOOLCHAIN: 'local',
      GOOS: 'linux',
      GOARCH: 'amd64',
      GOWORK: 'off',
      HOME: context.env.HOME ?? directory,
    },
  });
  context.detail('resolving modules');
  try {
    await runCommand(argv, {
      env,
      cwd: join(toolsDirectory, lock.directory),
      signal: context.signal,
      timeoutMs: 30 * 60_000,
      onLine: (line) => {
        if (line.startsWith('go: downloading')) context.detail(line.slice(4));
        else if (/^[\w.~-]+(\/\S+)*$/.test(line)) context.detail(`${++compiled} packages compiled, ${line}`);
      },
    });
  } catch (error) {
    context.signal.throwIfAborted();
    throw new MeshproofError(
      'MESHPROOF_TOOL_BUILD',
      `${lock.module} ${version} could not be built with Go ${go.version}: ${messageOf(error)}`,
      'Building needs the Go module proxy (GOPROXY), some 3 GiB of free disk and 3 GiB of memory.',
      { cause: error },
    );
  }
  if (others.length > 0) {
    for (const name of lock.programs) await symlink(binary, join(directory, 'bin', name));
  }
  const programs = Object.fromEntries(lock.programs.map((name) => [name, `bin/${name}`]));
  const elf = Object.fromEntries(lock.programs.map((name) => [name, `bin/${binary}`]));
  return { version, origin: 'go', root: '.', programs, elf, environment: {} };
}
