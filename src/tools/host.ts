import { constants } from 'node:fs';
import { access, open, realpath, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { MeshproofError } from '../base/errors.ts';
import { runCommand } from '../base/process.ts';
import type { HostLock } from './lock.ts';
import { childEnv } from './source.ts';
import type { Tool, ToolName } from './tool.ts';
import { inRange } from './version.ts';

export interface HostContext {
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/** The first executable file of that name, or undefined. */
export async function findProgram(name: string, directories: readonly string[]): Promise<string | undefined> {
  for (const directory of directories) {
    const path = join(directory, name);
    try {
      await access(path, constants.X_OK);
      if ((await stat(path)).isFile()) return path;
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}

/** Directories of PATH; where root's PATH lacks the sbin ones (cron, su without a dash) they are added. */
export function pathDirectories(env: NodeJS.ProcessEnv): string[] {
  const given = (env.PATH ?? '').split(delimiter).filter((directory) => isAbsolute(directory));
  if (given.length === 0) return [];
  return [...new Set([...given, '/usr/local/sbin', '/usr/sbin', '/sbin'])];
}

/**
 * A tool of the host, whole and of a fitting version, or the reason why not. Runs each checked program once.
 */
export async function findOnHost(
  name: ToolName,
  host: HostLock,
  options: HostContext,
): Promise<Tool | { reason: string }> {
  if (host.file) return findFile(name, host.file);
  const everywhere = [...host.directories, ...(host.onlyDirectories ? [] : pathDirectories(options.env))];
  // A directory that has it all first: the client of one series and the server of another are no tool.
  let bin: Record<string, string> = {};
  let missing: string[] = [];
  for (const directories of [...host.directories.map((directory) => [directory]), everywhere]) {
    ({ bin, missing } = await findPrograms(host.programs, directories));
    if (missing.length === 0) break;
  }
  if (missing.length === host.programs.length) return { reason: 'not on the host' };
  if (missing.length > 0) return { reason: `incomplete on the host: no ${missing.join(', ')}` };
  let version = '';
  for (const program of host.checked ?? host.programs.slice(0, 1)) {
    const path = bin[program] ?? '';
    const seen = await versionOf(path, host, options);
    if (seen === undefined) return { reason: `${path} does not say what it is expected to` };
    if (!inRange(seen, host.range)) return { reason: `${path} is ${seen}, not ${host.range}` };
    version ||= seen;
  }
  const elf: Record<string, string> = {};
  for (const [program, path] of Object.entries(bin)) {
    elf[program] = await realpath(path);
    if (host.static && !(await isStatic(path, options.signal))) return { reason: `${path} is not statically linked` };
  }
  return { name, version, origin: 'host', bin, elf, root: '/', libraryPath: [], env: {} };
}

/** By name the first executable file of the directories, and which are in none. */
export async function findPrograms(
  programs: readonly string[],
  directories: readonly string[],
): Promise<{ bin: Record<string, string>; missing: string[] }> {
  const bin: Record<string, string> = {};
  const missing: string[] = [];
  for (const program of programs) {
    const path = await findProgram(program, directories);
    if (path === undefined) missing.push(program);
    else bin[program] = path;
  }
  return { bin, missing };
}

async function findFile(name: ToolName, file: { name: string; paths: string[] }): Promise<Tool | { reason: string }> {
  for (const path of file.paths) {
    try {
      const { size } = await stat(path);
      if (size === 0) continue;
      return {
        name,
        version: 'of the host',
        origin: 'host',
        bin: { [file.name]: path },
        elf: {},
        root: '/',
        libraryPath: [],
        env: {},
      };
    } catch {
      // Another distribution's place.
    }
  }
  return { reason: 'not on the host' };
}

/** What a program says of its version; undefined where it says nothing that fits the pattern. */
export async function versionOf(path: string, host: HostLock, options: HostContext): Promise<string | undefined> {
  try {
    // Any exit code: CNI plugins and busybox print their version and fail.
    const okExitCodes = Array.from({ length: 256 }, (_, code) => code);
    const result = await runCommand([path, ...host.args], {
      env: childEnv(options.env),
      signal: options.signal,
      timeoutMs: 10_000,
      okExitCodes,
    });
    return new RegExp(host.pattern ?? '([0-9.]+)', 'm').exec(`${result.stdout}\n${result.stderr}`)?.[1];
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof MeshproofError) return undefined;
    throw error;
  }
}

/** An ELF file that needs no loader, by the loader's own tool. */
export async function isStatic(path: string, signal: AbortSignal): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    if (buffer.toString('latin1') !== '\x7fELF') return false;
  } finally {
    await file.close();
  }
  const result = await runCommand(['ldd', path], { signal, timeoutMs: 10_000, okExitCodes: [0, 1] });
  return /not a dynamic executable|statically linked/.test(`${result.stdout}${result.stderr}`);
}
