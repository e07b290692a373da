import { readFileSync } from 'node:fs';
import { contentOf, labelledTree } from './process-tree.ts';

export interface ProcessMemory {
  processes: number;
  /** Proportional set size: a page that n processes share counts 1/n in each, so that sums are what the machine gives. */
  pssMiB: number;
  /** Program name -> MiB of all its processes, largest first. */
  programs: Record<string, number>;
}

/** Memory of the processes that carry `variable=value`, and of their descendants. From /proc/PID/smaps_rollup (root). */
export function memoryOfLabelled(variable: string, value: string): ProcessMemory {
  const programs = new Map<string, number>();
  let processes = 0;
  for (const pid of labelledTree(variable, value)) {
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

function pssOf(pid: number): number | undefined {
  const line = /^Pss:\s+(\d+) kB$/m.exec(contentOf(pid, 'smaps_rollup') ?? '');
  return line === null ? undefined : Number(line[1]);
}
