import { probeInternet, probeRegistry, type Internet } from './internet.ts';
import { fill, lockOf, type ToolLock, type ToolsLock } from './lock.ts';
import type { ToolName } from './tool.ts';

type Official = NonNullable<ToolLock['official']>;

/**
 * The lock file with the official release of these tools in the place of what is usually taken: the host's programs of exactly that
 * version, else what their makers published. Tools that have none of their own stay as they are.
 *
 * @param version default: the one in the lock file
 */
export function withOfficial(lock: ToolsLock, names: readonly ToolName[], version?: string): ToolsLock {
  const changed = names.flatMap((name) => {
    const { official, ...tool } = lockOf(lock, name);
    return official === undefined ? [] : [[name, officialOf(tool, official, version ?? official.version)] as const];
  });
  return { ...lock, tools: { ...lock.tools, ...Object.fromEntries(changed) } };
}

function officialOf(tool: ToolLock, { pattern, files }: Official, version: string): ToolLock {
  return {
    ...tool,
    version,
    host: { ...tool.host, pattern, range: `=${version}` },
    release: { files },
    noRelease: undefined,
    package: { kind: 'none', reason: 'the official release is in no package registry' },
  };
}

/** Version of the official release of a tool that is taken unless another is asked for. */
export function officialVersion(lock: ToolsLock, name: ToolName): string {
  const { official } = lockOf(lock, name);
  if (official === undefined) throw new TypeError(`${name} has no official release of its own`);
  return official.version;
}

/**
 * Whether an official release can be had now: its own checksum file, the registry of its images, and what every other release is
 * asked by. One of them missing would leave it half.
 *
 * @param options.registry where its images are pulled from, as a URL
 */
export async function probeOfficial(
  lock: ToolsLock,
  name: ToolName,
  { registry, signal }: { registry: string; signal: AbortSignal },
): Promise<Internet> {
  const { timeoutMs } = lock.probe;
  const version = officialVersion(lock, name);
  const answers = await Promise.all([
    probeInternet({ ...lock.probe, signal }),
    ...(lockOf(lock, name).official?.files ?? []).map(({ checksums }) =>
      probeInternet({ url: fill(checksums, { version }), expect: '^[0-9a-f]{64}\\s', timeoutMs, signal }),
    ),
    probeRegistry({ url: registry, timeoutMs, signal }),
  ]);
  const lacking = answers.find(({ reachable }) => !reachable);
  return lacking ?? { reachable: true, reason: answers.map(({ reason }) => reason).join(', ') };
}
