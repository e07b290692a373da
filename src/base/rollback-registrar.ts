import type { Json } from './json.ts';

/** What takes a change back, written down before the change is made. */
export interface RollbackEntry {
  /** In words, for a person: `http-abort at trips: rules and containers in 2 pods`. */
  what: string;
  /** Which injector can take it back from `args` alone, also in another process after a `kill -9`. */
  injector: string;
  args: Json;
  /** Where the change is: `lab` goes with the lab when that is deleted. Default `lab`. */
  place?: 'lab' | 'host' | undefined;
  /**
   * Takes it back in this process. Safe to call again after it failed or succeeded; success when the thing is gone. It may
   * also collect what only the live object knows (a ledger). Left out, or undefined from it: the injector with `args`.
   */
  undo?: (() => Promise<void> | undefined) | undefined;
}

export interface RollbackHandle {
  /** Takes it back now, retrying; later calls do nothing once it held. @throws the last error when it did not hold */
  run(): Promise<void>;
}

/** Where a change is registered before it is made (docs/design.md, rollback). */
export interface RollbackRegistrar {
  record(entry: RollbackEntry): Promise<RollbackHandle>;
}
