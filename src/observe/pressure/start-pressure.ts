import { readFile } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { cpuStatPaths, parseCpuStat, parsePsi, parseStat } from './parse.ts';
import type { PressureFacts, PressureSample, PressureSource } from './pressure.ts';

/** Often enough for a mean over a phase of seconds; a look costs three small reads. */
const defaultIntervalMs = 500;

export interface PressureOptions {
  clock: Clock;
  intervalMs?: number | undefined;
  /** A file of this machine, or undefined where there is none. */
  read?: ((path: string) => Promise<string | undefined>) | undefined;
}

export interface PressureObserver extends AsyncDisposable {
  /** Takes the last look. Safe to call again. */
  stop(): Promise<PressureFacts>;
}

/**
 * Watches how busy this machine is, from now until it is stopped. It reads the host's own files, which a lab in namespaces
 * of this kernel shares; of a cluster elsewhere it tells of the machine that drives it only. Where a file does not exist
 * (another system, a hardened kernel) its figures are left out, and `sources` says so.
 */
export async function startPressure({
  clock,
  intervalMs = defaultIntervalMs,
  read = readIfThere,
}: PressureOptions): Promise<PressureObserver> {
  const look = lookWith(clock, read, await cpuStatOf(read));
  const stopped = new AbortController();
  const first = await look();
  const samples = [first.sample];
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      await clock.sleep(intervalMs, stopped.signal).catch(() => undefined);
      // The last one, too: a phase must be covered to its end.
      samples.push((await look()).sample);
    }
  })();
  const stop = async (): Promise<PressureFacts> => {
    stopped.abort();
    await watching;
    return { cores: first.cores, sources: sourcesOf(first.sample), samples };
  };
  return { stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}

function lookWith(
  clock: Clock,
  read: NonNullable<PressureOptions['read']>,
  cpuStat: string | undefined,
): () => Promise<{ sample: PressureSample; cores: number }> {
  return async () => {
    const [psi = '', stat = '', cgroup = ''] = await Promise.all([
      read('/proc/pressure/cpu'),
      read('/proc/stat'),
      cpuStat === undefined ? undefined : read(cpuStat),
    ]);
    const { cores, ...ticks } = parseStat(stat);
    return { sample: { at: clock.now(), ...parsePsi(psi), ...ticks, ...parseCpuStat(cgroup) }, cores };
  };
}

async function cpuStatOf(read: NonNullable<PressureOptions['read']>): Promise<string | undefined> {
  for (const path of cpuStatPaths((await read('/proc/self/cgroup')) ?? ''))
    if ((await read(path)) !== undefined) return path;
  return undefined;
}

function sourcesOf({ waitingUs, totalTicks, periods }: PressureSample): PressureSource[] {
  return [
    ...(waitingUs === undefined ? [] : (['psi'] as const)),
    ...(totalTicks === undefined ? [] : (['stat'] as const)),
    ...(periods === undefined ? [] : (['cgroup'] as const)),
  ];
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
