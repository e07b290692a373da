import { appendFile, mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemClock, type Clock } from '../base/clock.ts';
import { MeshproofError, messageOf } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { RollbackEntry, RollbackHandle, RollbackRegistrar } from '../base/rollback-registrar.ts';

/** Takes changes of one kind back from data alone, also in another process. Idempotent; success when the thing is gone. */
export type Injector = (args: Json) => Promise<void>;

/** How one rollback went; cleanup is itself reported. */
export interface RollbackOutcome {
  what: string;
  ok: boolean;
  ms: number;
  attempts: number;
  error?: string | undefined;
}

/** One line of the journal. `armed` is written before the change is made. */
interface JournalLine {
  id: number;
  state: 'armed' | 'done' | 'failed';
  at: string;
  what?: string;
  injector?: string;
  args?: Json;
  place?: 'lab' | 'host';
  /** Epoch ms after which the change has taken itself out, whatever happened to meshproof. */
  expiresAt?: number;
}

/** A change that a killed run left: what is needed to take it back. */
export interface ArmedRecord {
  id: number;
  what: string;
  injector: string;
  args: Json;
  place: 'lab' | 'host';
}

interface Entry {
  record: ArmedRecord;
  undo: RollbackEntry['undo'];
  state: 'armed' | 'done';
  running: Promise<void> | undefined;
}

export interface RollbackOptions {
  journal: string;
  injectors: Readonly<Record<string, Injector>>;
  clock?: Clock | undefined;
  /** Told when an entry was recorded or taken back. */
  onChange?: ((event: { what: string; state: 'armed' | 'done' | 'failed'; error?: string }) => void) | undefined;
}

/** How long one entry is tried again, and how soon. A fault point answers what is under way and hands over its ledger within it. */
const entryBudgetMs = 60_000;
const retryMs = 500;

/**
 * What has to be taken back, last first (docs/design.md, rollback is data). An entry is written to a journal on disk before
 * its change is made, so that a later command can take it back after a `kill -9`. Taking back is tried again until it holds or
 * its budget ends; the budget is its own, so that it also works after the run's deadline and after Ctrl-C.
 */
export class Rollback implements RollbackRegistrar {
  readonly #entries: Entry[] = [];
  readonly #outcomes: RollbackOutcome[] = [];
  readonly #options: RollbackOptions;
  readonly #clock: Clock;

  constructor(options: RollbackOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** @throws Error when the journal cannot be written: the change must not be made then */
  async record({ what, injector, args, place = 'lab', undo }: RollbackEntry): Promise<RollbackHandle> {
    const record = { id: this.#entries.length + 1, what, injector, args, place };
    await this.#note({ state: 'armed', at: this.#now(), ...record });
    const entry: Entry = { record, undo, state: 'armed', running: undefined };
    this.#entries.push(entry);
    this.#options.onChange?.({ what, state: 'armed' });
    return { run: () => this.#run(entry, entryBudgetMs) };
  }

  /**
   * Takes everything back, last first; one that fails or hangs does not stop the others.
   *
   * @param only `host`: the lab is about to be deleted, what is inside goes with it
   */
  async runAll(budgetMs: number, only?: 'lab' | 'host'): Promise<RollbackOutcome[]> {
    const deadline = this.#clock.monotonicMs() + budgetMs;
    for (const entry of this.#entries.toReversed()) {
      if (entry.state === 'done' || (only !== undefined && entry.record.place !== only)) continue;
      // One that does not hold must not take the time of all the others.
      const left = Math.min(entryBudgetMs, Math.max(1000, deadline - this.#clock.monotonicMs()));
      await this.#run(entry, left).catch(() => undefined);
    }
    if (this.#entries.every(({ state }) => state === 'done')) await rm(this.#options.journal, { force: true });
    return this.outcomes;
  }

  /** The last outcome of each entry that was taken back, or should have been. */
  get outcomes(): RollbackOutcome[] {
    return [...this.#outcomes];
  }

  /** Callers at once share one attempt; one that failed is forgotten, so that the next caller tries anew. */
  #run(entry: Entry, budgetMs: number): Promise<void> {
    if (entry.state === 'done') return Promise.resolve();
    entry.running ??= this.#tryAgain(entry, budgetMs).finally(() => {
      entry.running = undefined;
    });
    return entry.running;
  }

  async #tryAgain(entry: Entry, budgetMs: number): Promise<void> {
    const { record } = entry;
    const start = this.#clock.monotonicMs();
    const undo = (): Promise<void> => entry.undo?.() ?? this.#byData(record);
    let attempts = 0;
    for (;;) {
      attempts++;
      const left = budgetMs - (this.#clock.monotonicMs() - start);
      const error = await this.#within(undo, Math.max(left, 1));
      const ms = Math.round(this.#clock.monotonicMs() - start);
      if (error === undefined) {
        entry.state = 'done';
        this.#outcome({ what: record.what, ok: true, ms, attempts });
        this.#options.onChange?.({ what: record.what, state: 'done' });
        await this.#note({ id: record.id, state: 'done', at: this.#now() });
        return;
      }
      if (ms + retryMs >= budgetMs) {
        this.#outcome({ what: record.what, ok: false, ms, attempts, error: messageOf(error) });
        this.#options.onChange?.({ what: record.what, state: 'failed', error: messageOf(error) });
        await this.#note({ id: record.id, state: 'failed', at: this.#now() });
        throw error;
      }
      await this.#clock.sleep(retryMs);
    }
  }

  /** Undefined when it held, else why not; a hanging one counts as failed when its time is over. */
  async #within(undo: () => Promise<void>, ms: number): Promise<unknown> {
    const timer = new AbortController();
    try {
      return await Promise.race([
        undo().then(
          () => undefined,
          (error: unknown) => error ?? new Error('failed'),
        ),
        this.#clock.sleep(ms, timer.signal).then(
          () =>
            new MeshproofError(
              'MESHPROOF_CLEANUP',
              `not done within ${Math.round(ms)} ms`,
              'Is the machine overloaded, or does the API server hang? `./bin/meshproof down` removes the lab.',
            ),
          () => undefined,
        ),
      ]);
    } finally {
      timer.abort();
    }
  }

  async #byData({ injector, args }: ArmedRecord): Promise<void> {
    await injectorOf(this.#options.injectors, injector)(args);
  }

  #outcome(outcome: RollbackOutcome): void {
    const before = this.#outcomes.findIndex(({ what }) => what === outcome.what);
    if (before >= 0) this.#outcomes.splice(before, 1);
    this.#outcomes.push(outcome);
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }

  async #note(line: JournalLine): Promise<void> {
    await mkdir(dirname(this.#options.journal), { recursive: true });
    await appendFile(this.#options.journal, `${JSON.stringify(line)}\n`);
  }
}

function injectorOf(injectors: Readonly<Record<string, Injector>>, name: string): Injector {
  const injector = injectors[name];
  if (injector !== undefined) return injector;
  throw new Error(`no injector ${name} is known to this version`);
}

/** Changes that were registered and never taken back, as a killed run left them, in the order in which they were made. */
export async function armedRecords(journal: string): Promise<ArmedRecord[]> {
  const text = await readFile(journal, 'utf8').catch(() => '');
  const armed = new Map<number, ArmedRecord>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    let entry: JournalLine;
    try {
      entry = JSON.parse(line) as JournalLine;
    } catch {
      continue; // The process was killed over this line: its change was not made yet.
    }
    const { id, state, what = '', injector = '', args = null, place = 'lab' } = entry;
    if (state === 'armed') armed.set(id, { id, what, injector, args, place });
    if (state === 'done') armed.delete(id);
  }
  return [...armed.values()];
}

/**
 * Takes back what a killed run left, from its journal alone, last first; the journal goes when all of it held.
 *
 * @returns how each went; empty when nothing was left
 */
export async function replayRollback(
  journal: string,
  options: Omit<RollbackOptions, 'journal'> & { budgetMs: number },
): Promise<RollbackOutcome[]> {
  const left = await armedRecords(journal);
  const replay = new Rollback({ ...options, journal: `${journal}.replay` });
  for (const { what, injector, args, place } of left) await replay.record({ what, injector, args, place });
  const outcomes = await replay.runAll(options.budgetMs);
  if (outcomes.every(({ ok }) => ok)) await rm(journal, { force: true });
  await rm(`${journal}.replay`, { force: true });
  return outcomes;
}
