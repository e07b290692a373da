import type { LogEvent } from '../../../kube/log-events.ts';
import type { PodRef } from '../../../kube/types.ts';
import type { Calibration, Ledger, PointEntry } from './point-log.ts';

/** What a fault point did, from its own log and ledger. */
export interface PointResult {
  pod: PodRef;
  onsetMs: number;
  startedAt: number;
  endedAt: number;
  /** Seen to be out of force, by the guard or because the pod has gone; false also when it could not be seen. */
  undone: boolean;
  measured: Record<string, number | string>;
  entries: PointEntry[];
  calibration: Calibration;
  problems: string[];
}

/** How the fault came into force. */
export interface Beginning {
  /** Epoch ms of the word to go. */
  toldAt: number;
  active: LogEvent;
}

/** How it ended, as far as that could be seen. */
export interface Ending {
  /** The point's last words; undefined when it ended without. */
  ended: LogEvent | undefined;
  /** The guard's last words: `lost` when it ended without, undefined when that could not be seen. */
  guard: LogEvent | 'lost' | undefined;
  ledger: Ledger | undefined;
  /** What went wrong on the way. */
  problems: readonly string[];
}

const nothing: Pick<PointResult, 'measured' | 'entries' | 'calibration'> = {
  measured: {},
  entries: [],
  calibration: { off: [], on: [] },
};

/** Of a fault that never came into force, or whose pod has gone. */
export function emptyResult(
  pod: PodRef,
  seen: { undone: boolean; endedAt: number; problems: string[]; beginning?: Beginning | undefined },
): PointResult {
  const { undone, endedAt, problems, beginning } = seen;
  return { pod, ...nothing, ...onsetOf(beginning), endedAt, undone, problems };
}

/** Of a fault that was in force. @param now epoch ms, for want of a better end */
export function pointResult(pod: PodRef, beginning: Beginning, ending: Ending, now: number): PointResult {
  const { ended, guard, ledger } = ending;
  const { active } = beginning;
  const problems = ending.problems.map((problem) => `${pod.name}: ${problem}`);
  const say = (problem: string): unknown => problems.push(`${pod.name}: ${problem}`);
  const reason = ended?.fields['reason'] ?? 'container-died';
  if (ledger === undefined) say('its ledger is lost');
  if (reason === 'deadman') say('the dead-man timer ended the fault before it was undone');
  if (reason === 'proxy-died') say('the fault proxy died while the fault was on');
  if (reason === 'container-died') say("the fault point's container died while the fault was on");
  if (reason === 'asked' && ended?.fields['rule-found'] === 'no')
    say('the iptables rule was gone before the fault was undone');
  const left = Number(active.fields['old-connections-left']);
  if (left > 0) {
    say(`${left} connections from before the rule could not be ended (no INET_DIAG_DESTROY?): they escape the fault`);
  }
  const seen = onsetOf(beginning);
  const marks = ledger?.marks ?? {};
  const clockAheadMs = ledger?.clockAheadMs ?? 0;
  const startedAt = marks.start ?? seen.startedAt;
  const guardAt = typeof guard === 'object' ? guard.at : undefined;
  // A proxy that died could not mark its end.
  const endedAt = marks.end ?? ended?.at ?? guardAt ?? now + clockAheadMs;
  return {
    pod,
    onsetMs: Math.max(0, startedAt - clockAheadMs - beginning.toldAt),
    startedAt: startedAt - clockAheadMs,
    endedAt: endedAt - clockAheadMs,
    undone: isUndone(ending, say),
    measured: { endedBy: reason, oldConnectionsEnded: Number(active.fields['old-connections-ended'] ?? 0) },
    // Before and after, the proxy passed requests on with the fault switched off.
    entries: (ledger?.entries ?? [])
      .filter((entry) => entry.startedAt > startedAt && entry.startedAt < endedAt)
      .map((entry) => (clockAheadMs === 0 ? entry : { ...entry, clockAheadMs })),
    calibration: ledger?.calibration ?? nothing.calibration,
    problems,
  };
}

/** What the guard saw; the point's own word where the guard was killed. */
export function isUndone(
  { ended, guard }: Pick<Ending, 'ended' | 'guard'>,
  say: (problem: string) => unknown,
): boolean {
  if (guard === undefined) {
    say('whether the fault is undone could not be seen; its timers take it out');
    return false;
  }
  if (guard === 'lost') {
    say('its guard was killed: the nat rules were not compared');
    return ended?.fields['undone'] === 'yes';
  }
  const asBefore = guard.fields['undone'] === 'yes' && guard.fields['nat-before'] === guard.fields['nat-after'];
  if (!asBefore) say('the nat rules are not as they were before the fault');
  return asBefore;
}

function onsetOf(beginning: Beginning | undefined): { onsetMs: number; startedAt: number } {
  const startedAt = beginning?.active.at ?? 0;
  return { startedAt, onsetMs: Math.max(0, startedAt - (beginning?.toldAt ?? startedAt)) };
}
