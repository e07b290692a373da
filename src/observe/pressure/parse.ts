import type { PressureSample } from './pressure.ts';

/** `some … total=` of /proc/pressure/cpu. */
export function parsePsi(text: string): Pick<PressureSample, 'waitingUs'> {
  const total = /^some .*\btotal=(\d+)/m.exec(text)?.[1];
  return total === undefined ? {} : { waitingUs: Number(total) };
}

/** The first line and `procs_running` of /proc/stat (proc_stat(5)); `guest` is part of `user` already. */
export function parseStat(
  text: string,
): Pick<PressureSample, 'totalTicks' | 'busyTicks' | 'stealTicks' | 'runnable'> & { cores: number } {
  const ticks = /^cpu +([\d ]+)$/m.exec(text)?.[1]?.split(' ').slice(0, 8).map(Number);
  const running = /^procs_running (\d+)$/m.exec(text)?.[1];
  const cores = text.match(/^cpu\d+ /gm)?.length ?? 0;
  if (ticks === undefined || ticks.length < 4) return { cores };
  const [, , , idle = 0, iowait = 0, , , steal = 0] = ticks;
  const total = ticks.reduce((sum, value) => sum + value, 0);
  return {
    cores,
    totalTicks: total,
    busyTicks: total - idle - iowait - steal,
    stealTicks: steal,
    ...(running !== undefined && { runnable: Math.max(0, Number(running) - 1) }),
  };
}

/** `cpu.stat` of a cgroup, v1 or v2; without a quota there are no periods. */
export function parseCpuStat(text: string): Pick<PressureSample, 'periods' | 'throttled'> {
  const periods = /^nr_periods (\d+)$/m.exec(text)?.[1];
  const throttled = /^nr_throttled (\d+)$/m.exec(text)?.[1];
  if (periods === undefined || throttled === undefined) return {};
  return { periods: Number(periods), throttled: Number(throttled) };
}

/** Where this process's cgroup has its `cpu.stat`, best first; a cgroup namespace shows its own as `/`. */
export function cpuStatPaths(selfCgroup: string): string[] {
  const lines = selfCgroup.split('\n').map((line) => line.split(':'));
  const v1 = lines.find(([, controllers]) => controllers?.split(',').includes('cpu'));
  const v2 = lines.find(([id, controllers]) => id === '0' && controllers === '');
  const below = (mount: string, path: string | undefined): string[] =>
    path === undefined ? [] : [...new Set([`${mount}${path === '/' ? '' : path}/cpu.stat`, `${mount}/cpu.stat`])];
  return [...below('/sys/fs/cgroup/cpu', v1?.slice(2).join(':')), ...below('/sys/fs/cgroup', v2?.slice(2).join(':'))];
}
