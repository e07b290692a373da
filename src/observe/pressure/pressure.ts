/** How busy a machine was while something was measured on it; `pressure.json.gz`. */
export interface PressureFacts {
  /** Logical CPUs that share the work. */
  cores: number;
  /** What could be read here: `psi` (/proc/pressure/cpu), `stat` (/proc/stat), `cgroup` (cpu.stat). Empty: nothing. */
  sources: PressureSource[];
  /** In order of time, the first and the last at the ends of what was observed. */
  samples: PressureSample[];
}

export type PressureSource = 'psi' | 'stat' | 'cgroup';

/** One look. Counters since the machine (or the cgroup) started, so that any two looks give a figure. */
export interface PressureSample {
  at: number;
  /** Microseconds in which at least one task waited for a CPU (PSI `some`, kernel Documentation/accounting/psi.rst). */
  waitingUs?: number | undefined;
  /** Clock ticks of all cores: in all, in which a core worked, in which the hypervisor took the core away. */
  totalTicks?: number | undefined;
  busyTicks?: number | undefined;
  stealTicks?: number | undefined;
  /** Tasks that run or could run at this moment, without the one that looks. */
  runnable?: number | undefined;
  /** Periods of the cgroup's CPU quota, and those in which it was used up; no periods without a quota. */
  periods?: number | undefined;
  throttled?: number | undefined;
}
