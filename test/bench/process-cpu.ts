import { readFileSync } from 'node:fs';
import { contentOf, labelledTree, statFields } from './process-tree.ts';

/** Of /proc/PID/stat: the kernel tells user space USER_HZ, which is 100 on every architecture that Node runs on. */
const ticksPerSecond = 100;

/**
 * CPU seconds of the lab's processes by program, most first, and their sum. What has ended is in the account of the
 * process that waited for it: `runc, probes and init containers` are the children of containerd's shims.
 */
export function cpuOfLabelled(variable: string, value: string): Record<string, number> {
  const by = new Map<string, number>();
  const add = (name: string, seconds: number): void => {
    for (const key of ['all', name]) by.set(key, (by.get(key) ?? 0) + seconds);
  };
  for (const pid of labelledTree(variable, value)) {
    const used = cpuOf(pid);
    if (used === undefined) continue;
    const program = contentOf(pid, 'comm')?.trim() ?? '?';
    add(program, used.own);
    add(endedChildren[program] ?? `ended children of ${program}`, used.children);
  }
  return Object.fromEntries(
    [...by].filter(([, seconds]) => seconds >= 0.05).sort(([, left], [, right]) => right - left),
  );
}

/** CPU seconds of a process, and of its children that have ended. */
export function cpuOf(pid: number): { own: number; children: number } | undefined {
  const fields = statFields(pid);
  if (fields === undefined) return undefined;
  const [user, system, userOfChildren, systemOfChildren] = fields.slice(11, 15).map(Number) as [
    number,
    number,
    number,
    number,
  ];
  return { own: (user + system) / ticksPerSecond, children: (userOfChildren + systemOfChildren) / ticksPerSecond };
}

/** The kernel cuts names after 15 characters. */
const endedChildren: Record<string, string> = {
  'containerd-shim': 'runc, probes and init containers (ended)',
  containerd: 'shims and CNI plugins started (ended)',
};

/**
 * Share of the time since `earlier` in which some process that could run had to wait for a CPU, 0 to 1: how busy the machine
 * was, the lab itself included. Undefined where the kernel has no pressure stall information.
 */
export function cpuPressureSince(earlier: PressureMark): number | undefined {
  const now = markPressure();
  if (now.stalledUs === undefined || earlier.stalledUs === undefined) return undefined;
  return (now.stalledUs - earlier.stalledUs) / 1000 / (now.atMs - earlier.atMs);
}

export interface PressureMark {
  atMs: number;
  stalledUs: number | undefined;
}

export function markPressure(): PressureMark {
  const atMs = performance.now();
  try {
    const total = /^some .*total=(\d+)$/m.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1];
    return { atMs, stalledUs: total === undefined ? undefined : Number(total) };
  } catch {
    return { atMs, stalledUs: undefined };
  }
}
