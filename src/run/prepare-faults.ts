import type { ArmSpec, TimelineEntry } from '../claims/arm.ts';
import type { ActiveFault } from '../faults/fault.ts';
import type { Engine } from './engine.ts';
import { until } from './phases.ts';

/** What a fault needs is put in place so long before its time: containers in the pods it hits, which take seconds to start. */
const preparedAheadMs = 30_000;

/** A fault that has come into force. */
export interface BegunFault extends TimelineEntry {
  active: ActiveFault;
  /** Epoch ms. */
  inForceAt: number;
}

/** The faults of an arm's timeline. What has not begun is given up on disposal. */
export interface PreparedFaults extends AsyncDisposable {
  /** Those that are in force, or were. */
  readonly active: readonly ActiveFault[];
  /** The load has begun, at this time: from here on theirs are counted. Resolves when all have come into force. */
  begin(startMs: number): Promise<BegunFault[]>;
}

/**
 * Puts in place what the faults of an arm need, so that neither that disturbs what is measured nor the load has to wait for it. Nothing is
 * changed when it resolves; those whose time is far are prepared later.
 *
 * @throws MeshproofError MESHPROOF_FAULT_START; nothing stays then
 */
export async function prepareFaults(spec: ArmSpec, engine: Engine, deadManMs: number): Promise<PreparedFaults> {
  const { context, events, means } = engine;
  const { clock, signal } = context;
  const { scenario, name, app, timeline } = spec;
  let begin: (startMs: number) => void;
  let giveUp: () => void;
  const started = new Promise<number>((resolve, reject) => {
    begin = resolve;
    giveUp = () => reject(new Error('the arm ended before the fault began'));
  });
  const active: ActiveFault[] = [];
  const faults = timeline.map((entry) => {
    const { atMs, fault } = entry;
    const soon = atMs <= preparedAheadMs;
    let onPrepared = (): void => {};
    const prepared = new Promise<void>((resolve) => (onPrepared = resolve));
    const begun = (async (): Promise<BegunFault> => {
      if (!soon) await until((await started) + atMs - preparedAheadMs, clock, signal);
      const mayBegin = started.then((startMs) => until(startMs + atMs, clock, signal));
      handled(mayBegin);
      const faultContext = await engine.faultContext(app, fault.target, deadManMs);
      const one = await means.startFault(fault, { ...faultContext, mayBegin, onPrepared });
      active.push(one);
      events.emit({ type: 'fault-started', scenario, arm: name, kind: fault.kind, target: fault.target });
      return { ...entry, active: one, inForceAt: clock.now() };
    })();
    handled(begun);
    return { begun, prepared: soon ? Promise.race([prepared, begun]) : undefined };
  });
  handled(started);
  const dispose = async (): Promise<void> => {
    giveUp();
    await Promise.allSettled(faults.map(({ begun }) => begun));
    await Promise.all(active.map((fault) => fault.undo()));
  };
  try {
    await Promise.all(faults.map(({ prepared }) => prepared));
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    active,
    begin: async (startMs) => {
      begin(startMs);
      return await Promise.all(faults.map(({ begun }) => begun));
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** Whoever waits for it hears of its failure; until somebody does, that is nobody's. */
function handled(promise: Promise<unknown>): void {
  promise.catch(() => undefined);
}
