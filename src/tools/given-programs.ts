import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { findPrograms, versionOf, type HostContext } from './host.ts';
import type { ToolLock } from './lock.ts';
import type { Tool, ToolName } from './tool.ts';

/** Programs that a user built, to be tried before they are released. */
export interface GivenPrograms {
  folder: string;
  /** Tools that are looked for there. */
  tools: readonly ToolName[];
}

/**
 * A tool whose programs are all in the folder given; undefined where they are not. Its version is what it says, and may be any:
 * what is tried has none that fits.
 */
export async function findGiven(
  name: ToolName,
  { host, package: pack }: ToolLock,
  { folder, tools }: GivenPrograms,
  context: HostContext,
): Promise<Tool | undefined> {
  if (!tools.includes(name)) return undefined;
  const { bin, missing } = await findPrograms(host.programs, [folder]);
  if (host.programs.length === 0 || missing.length > 0) return undefined;
  const files = pack.kind === 'go' ? Object.keys(pack.files ?? {}) : [];
  const there = await Promise.all(files.map(async (file) => ((await exists(join(folder, file))) ? [file] : [])));
  const [first = ''] = Object.values(bin);
  return {
    name,
    version: (await versionOf(first, host, context)) ?? 'of its own',
    origin: 'host',
    bin: { ...bin, ...Object.fromEntries(there.flat().map((file) => [file, join(folder, file)])) },
    elf: bin,
    root: folder,
    libraryPath: [],
    env: {},
  };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
