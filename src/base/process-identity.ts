import { readdirSync, readFileSync } from 'node:fs';

/** A process that cannot be mistaken for a later one with the same pid, not even after a reboot. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat. */
  startTicks: string;
  bootId: string;
}

export function bootId(procDir = '/proc'): string {
  return readFileSync(`${procDir}/sys/kernel/random/boot_id`, 'utf8').trim();
}

export function identityOf(pid: number, procDir = '/proc'): ProcessIdentity | undefined {
  const startTicks = startTicksOf(pid, procDir);
  return startTicks === undefined ? undefined : { pid, startTicks, bootId: bootId(procDir) };
}

/** True only for that very process, and only while it is not a zombie. */
export function isRunning(process: ProcessIdentity, procDir = '/proc'): boolean {
  return process.bootId === bootId(procDir) && startTicksOf(process.pid, procDir) === process.startTicks;
}

/**
 * Processes started with this variable in their environment, and its value; the kernel keeps it readable in /proc for
 * root, and it is inherited by all that a process starts.
 */
export function labelledProcesses(variable: string, procDir = '/proc'): { pid: number; value: string }[] {
  const prefix = `${variable}=`;
  return readdirSync(procDir)
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const entries = readFileSync(`${procDir}/${entry}/environ`, 'latin1').split('\0');
        const found = entries.find((each) => each.startsWith(prefix));
        return found === undefined ? [] : [{ pid: Number(entry), value: found.slice(prefix.length) }];
      } catch {
        return [];
      }
    });
}

function startTicksOf(pid: number, procDir: string): string | undefined {
  try {
    const stat = readFileSync(`${procDir}/${pid}/stat`, 'utf8');
    // The name may hold spaces and parentheses; what follows the last one is regular.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
