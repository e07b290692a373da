import { readdirSync, readFileSync } from 'node:fs';
import { labelledProcesses } from '../../src/base/process-identity.ts';

export interface ProcessMemory {
  processes: number;
  /** Proportional set size: a page that n processes share counts 1/n in each, so that sums are what the machine gives. */
  pssMiB: number;
  /** Program name -> MiB of all its processes, largest first. */
  programs: Record<string, number>;
}

/**
 * Memory of the processes that carry `variable=value` in their environment, and of all their descendants: programs in
 * containers have an environment of their own, but containerd's shims carry the mark. From /proc/PID/smaps_rollup (root).
 */
export function memoryOfLabelled(variable: string, value: string): ProcessMemory {
  const roots = labelledProcesses(variable).filter((each) => each.value === value);
  const programs = new Map<string, number>();
  let processes = 0;
  for (const pid of withDescendants(roots.map(({ pid }) => pid))) {
    const kibibytes = pssOf(pid);
    if (kibibytes === undefined) continue;
    processes += 1;
    const program = contentOf(pid, 'comm')?.trim() ?? '?';
    programs.set(program, (programs.get(program) ?? 0) + kibibytes / 1024);
  }
  const largestFirst = [...programs].sort(([, left], [, right]) => right - left);
  return {
    processes,
    pssMiB: Math.round(largestFirst.reduce((sum, [, mebibytes]) => sum + mebibytes, 0)),
    programs: Object.fromEntries(largestFirst.map(([program, mebibytes]) => [program, Math.round(mebibytes)])),
  };
}

/** Peak RSS of this program. Not getrusage's: that one keeps the peak of whoever forked before the exec. */
export function peakRssMiB(): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  if (line === null) throw new Error('/proc/self/status has no VmHWM');
  return Number(line[1]) / 1024;
}

function withDescendants(roots: readonly number[]): Set<number> {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const stat = contentOf(Number(entry), 'stat');
    if (stat === undefined) continue;
    // The name may hold spaces and parentheses; what follows the last one is regular: state, then the parent.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found = new Set<number>();
  const left = [...roots];
  for (let pid = left.pop(); pid !== undefined; pid = left.pop()) {
    if (found.has(pid)) continue;
    found.add(pid);
    left.push(...(children.get(pid) ?? []));
  }
  return found;
}

function pssOf(pid: number): number | undefined {
  const line = /^Pss:\s+(\d+) kB$/m.exec(contentOf(pid, 'smaps_rollup') ?? '');
  return line === null ? undefined : Number(line[1]);
}

/** Undefined for a process that is gone, or a zombie. */
function contentOf(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
