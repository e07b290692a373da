import { readdirSync, readFileSync } from 'node:fs';
import { labelledProcesses } from '../../src/base/process-identity.ts';

/**
 * Pids of the processes that carry `variable=value` in their environment, and of all their descendants: programs in
 * containers have an environment of their own, but containerd's shims carry the mark.
 */
export function labelledTree(variable: string, value: string): Set<number> {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const parent = Number(statFields(Number(entry))?.[1] ?? 0);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found = new Set<number>();
  const left = labelledProcesses(variable)
    .filter((each) => each.value === value)
    .map(({ pid }) => pid);
  for (let pid = left.pop(); pid !== undefined; pid = left.pop()) {
    if (found.has(pid)) continue;
    found.add(pid);
    left.push(...(children.get(pid) ?? []));
  }
  return found;
}

/** What proc(5) lists of /proc/PID/stat from the state on: the name before it may hold spaces and parentheses. */
export function statFields(pid: number): string[] | undefined {
  const stat = contentOf(pid, 'stat');
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Undefined for a process that is gone, or a zombie. */
export function contentOf(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
