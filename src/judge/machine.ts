import type { Window } from '../base/window.ts';
import { percent, plural } from '../base/words.ts';
import type { EvidencePath } from '../evidence/path.ts';
import type { EvidenceReader } from '../evidence/reader.ts';
import type { LoadSample } from '../load/load.ts';
import { pressureFigures, type PressureFigures } from '../observe/pressure/figures.ts';
import type { PressureFacts } from '../observe/pressure/pressure.ts';
import type { Outcome } from './rule.ts';
import { selectSamples } from './select-samples.ts';

/** What tells how busy the machine was during some of an arm's load. */
export interface MachineSelection {
  load: EvidencePath;
  pressure: EvidencePath;
  window?: Window | undefined;
}

/** More than this is not what the machine may have been. All but `lateMs` are shares, 0..1. */
interface Bounds {
  /** Arrivals that began more than `lateMs` after their time. */
  lateShare: number;
  /** Of the time, that tasks waited for a CPU. */
  waiting: number;
  /** Runnable tasks per core; asked only where the kernel has no PSI, which measures without looking. */
  runnablePerCore: number;
  steal: number;
  throttled: number;
}

/** Beyond the tick of any timer, and what a person calls a delay. */
const lateMs = 50;

/**
 * Beyond this nothing that was measured counts. k6 sleeps until its next arrival, and the scheduler favours who sleeps: on 2
 * cores that kept tasks waiting 84 and 95 % of the time, 0 and 0.2 % of 500 arrivals were more than 50 ms late, so 2 % is a
 * machine that stalls. Means of ten seconds: tasks waited 22 to 84 % of the time in a run that had 2 cores for itself (93 to
 * 95 % while its lab came up), 82 to 100 % with two runs at once, 84 to 100 % with three.
 */
const tooBusy: Bounds = { lateShare: 0.02, waiting: 0.95, runnablePerCore: 4, steal: 0.25, throttled: 0.25 };
/**
 * Beyond this a service that is slow is not known to be slow by itself: more than a run causes that has the machine for
 * itself. At 84 % of waiting a server that takes 5 ms answered within 59 ms (p99).
 */
const notCalm: Bounds = { lateShare: 0.01, waiting: 0.85, runnablePerCore: 2, steal: 0.05, throttled: 0.05 };

/** What the machine was like; `busy` and `notCalm` are reasons with their figures, empty when it was neither. */
export interface MachineState {
  busy: string[];
  notCalm: string[];
  /** All figures there are; empty when nothing tells. */
  seen: string;
}

/** Pure: samples of the load and looks at the machine, of the same window. */
export function machineState(
  samples: readonly LoadSample[],
  pressure: PressureFacts,
  window?: Window | undefined,
): MachineState {
  const timed = samples.filter(({ lateMs: late }) => late !== undefined);
  const late = timed.filter((sample) => (sample.lateMs ?? 0) > lateMs).length / timed.length;
  const figures = pressureFigures(pressure, window);
  const statements = [
    ...(timed.length === 0
      ? []
      : [
          {
            key: 'lateShare' as const,
            value: late,
            text: `k6 started ${percent(late)} of its ${plural(timed.length, 'request')} more than ${lateMs} ms late`,
          },
        ]),
    ...(figures === undefined ? [] : pressureStatements(figures)),
  ];
  const beyond = (bounds: Bounds): string[] =>
    statements.filter(({ key, value }) => value > bounds[key]).map(({ text }) => text);
  return { busy: beyond(tooBusy), notCalm: beyond(notCalm), seen: statements.map(({ text }) => text).join('; ') };
}

function pressureStatements({ waiting, runnablePerCore, steal, throttled }: PressureFigures) {
  return [
    ...(waiting === undefined
      ? []
      : [{ key: 'waiting' as const, value: waiting, text: `tasks waited for a CPU ${percent(waiting)} of the time` }]),
    ...(runnablePerCore === undefined || waiting !== undefined
      ? []
      : [
          {
            key: 'runnablePerCore' as const,
            value: runnablePerCore,
            text: `${runnablePerCore.toFixed(1)} tasks wanted each core`,
          },
        ]),
    // Seldom there, so only told where it is.
    ...(steal === undefined || steal < 0.001
      ? []
      : [{ key: 'steal' as const, value: steal, text: `the hypervisor took ${percent(steal)} of the cores’ time` }]),
    ...(throttled === undefined
      ? []
      : [
          {
            key: 'throttled' as const,
            value: throttled,
            text: `the CPU quota was used up in ${percent(throttled)} of its periods`,
          },
        ]),
  ];
}

export function boundsText(): string {
  return textOf(tooBusy);
}

export function calmText(): string {
  return textOf(notCalm);
}

function textOf({ lateShare, waiting }: Bounds): string {
  return `at most ${percent(lateShare)} of arrivals more than ${lateMs} ms late, tasks waiting for a CPU at most ${percent(waiting)} of the time`;
}

export async function readMachine(selection: MachineSelection, evidence: EvidenceReader): Promise<MachineState> {
  const samples = await selectSamples({ load: selection.load, window: selection.window }, evidence);
  return machineState(samples, await evidence.json<PressureFacts>(selection.pressure), selection.window);
}

/** Something was slower than it may be: on a machine that was not calm that is nobody's failure. */
export async function unlessBusy(
  outcome: Outcome,
  machine: MachineSelection | undefined,
  evidence: EvidenceReader,
): Promise<Outcome> {
  if (outcome.status !== 'fail' || machine === undefined) return outcome;
  const { notCalm: reasons } = await readMachine(machine, evidence);
  if (reasons.length === 0) return outcome;
  return { status: 'invalid', observed: `${outcome.observed}; the machine was busy: ${reasons.join('; ')}` };
}
