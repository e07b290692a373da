import { Command, Option } from 'commander';
import { systemClock } from '../base/clock.ts';
import type { Progress } from '../base/progress.ts';
import type { AttachedLab } from '../lab/attach-lab.ts';
import { watchInterrupts } from '../run/interrupt.ts';
import { jsonOption, labOption, parseCount, parseDuration } from './options.ts';
import { consoleProgress } from './progress.ts';

export interface LiveOptions {
  lab: string;
  namespace?: string | undefined;
  json?: boolean | undefined;
}

/** A command that looks at a lab that is up, with the options that all of them have. */
export function liveCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .addOption(labOption().default('default'))
    .addOption(
      new Option('--namespace <namespace>', 'where the application runs (default: where pods are in the mesh)'),
    )
    .addOption(jsonOption());
}

export interface Looking {
  progress: Progress;
  signal: AbortSignal;
}

/** Finds the lab, looks, and lets go of it. A run that uses it is not disturbed. */
export async function lookAtLab<T>(
  { lab: name, namespace }: LiveOptions,
  look: (lab: AttachedLab, looking: Looking) => Promise<T>,
): Promise<T> {
  const { attachLab } = await import('../lab/attach-lab.ts');
  using progress = consoleProgress({ timings: [] });
  using interrupts = watchInterrupts({ onFirst: () => {}, onSecond: () => process.exit(130) });
  const { signal } = interrupts;
  const lab = await attachLab({ lab: name, namespace, progress, signal });
  try {
    return await look(lab, { progress, signal });
  } finally {
    lab.kube.close();
  }
}

/** What could not be seen goes to standard error, so that rows stay rows. */
export function printView<Row>(
  { rows, problems }: { rows: readonly Row[]; problems: readonly string[] },
  text: (rows: readonly Row[]) => string,
  { json, progress }: { json: boolean | undefined; progress: Progress },
): void {
  for (const problem of problems) progress.warn(problem);
  process.stdout.write(`${json ? JSON.stringify(rows, null, 2) : text(rows)}\n`);
}

export interface StreamOptions extends LiveOptions {
  count?: number | undefined;
  duration?: number | undefined;
}

/** @param counted what `--count` counts */
export function streamCommand(name: string, description: string, counted: string): Command {
  return liveCommand(name, description)
    .addOption(new Option('--count <n>', `end after this many ${counted}`).argParser(parseCount))
    .addOption(new Option('--duration <duration>', 'end after this long, e.g. 30s').argParser(parseDuration));
}

/** A stream with an end is an array in `--json`, one without a line for each object. */
export function isBounded({ count, duration }: StreamOptions): boolean {
  return count !== undefined || duration !== undefined;
}

/**
 * Until the stream is at its end: `enough` was said, its time is over, or a person has seen enough. Where that is the only
 * end there is, it is no interruption.
 *
 * @throws the signal's reason when a bounded stream is interrupted
 */
export async function streamEnd(options: StreamOptions, enough: AbortSignal, signal: AbortSignal): Promise<void> {
  try {
    await systemClock.sleep(options.duration ?? Infinity, AbortSignal.any([enough, signal]));
  } catch (error) {
    if (!enough.aborted && isBounded(options)) throw error;
  }
}
