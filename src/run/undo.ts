import { appendFile, mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemClock, type Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';

/** How one undo went; cleanup is itself reported. */
export interface UndoOutcome {
  what: string;
  ok: boolean;
  ms: number;
  error?: string;
}

/** Where the thing to take back is. */
export type Place = 'lab' | 'host';

export interface Undo {
  readonly what: string;
  /** Runs it now (once); later runs do nothing. */
  run(): Promise<void>;
}

/**
 * What has to be taken back, last first (design, rule 5). An undo is registered before its do, and written to a journal on
 * disk, so that whoever finds the lab of a killed run can tell what was under way. Taking back has its own time budget: it
 * works after the run's deadline and after Ctrl-C.
 */
export class UndoStack {
  private readonly entries: { what: string; action: () => Promise<void>; done: boolean; place: Place }[] = [];
  private readonly outcomes: UndoOutcome[] = [];
  private readonly journalFile: string;
  private readonly clock: Clock;

  constructor(journalFile: string, clock: Clock = systemClock) {
    this.journalFile = journalFile;
    this.clock = clock;
  }

  /** @param place `lab`: deleting the lab takes it back as well */
  async register(what: string, action: () => Promise<void>, place: Place = 'lab'): Promise<Undo> {
    const entry = { what, action, done: false, place };
    this.entries.push(entry);
    await this.note('registered', what);
    return { what, run: () => this.runEntry(entry) };
  }

  /**
   * Takes everything back, last first; one that fails or hangs does not stop the others.
   *
   * @param only `host`: the lab is about to be deleted, what is inside goes with it
   */
  async runAll(budgetMs: number, only?: Place): Promise<UndoOutcome[]> {
    const deadline = this.clock.monotonicMs() + budgetMs;
    for (const entry of this.entries.toReversed()) {
      if (entry.done || (only !== undefined && entry.place !== only)) continue;
      const left = Math.max(1000, deadline - this.clock.monotonicMs());
      const timeout = new AbortController();
      await Promise.race([
        this.runEntry(entry).catch(() => undefined),
        this.clock.sleep(left, timeout.signal).then(
          () =>
            this.outcomes.push({
              what: entry.what,
              ok: false,
              ms: Math.round(left),
              error: `not done within ${Math.round(left)} ms`,
            }),
          () => undefined,
        ),
      ]);
      timeout.abort();
    }
    if (this.outcomes.every((outcome) => outcome.ok)) await rm(this.journalFile, { force: true });
    return this.outcomes;
  }

  private async runEntry(entry: { what: string; action: () => Promise<void>; done: boolean }): Promise<void> {
    if (entry.done) return;
    entry.done = true;
    const start = this.clock.monotonicMs();
    try {
      await entry.action();
      this.outcomes.push({ what: entry.what, ok: true, ms: Math.round(this.clock.monotonicMs() - start) });
      await this.note('undone', entry.what);
    } catch (error) {
      this.outcomes.push({
        what: entry.what,
        ok: false,
        ms: Math.round(this.clock.monotonicMs() - start),
        error: messageOf(error),
      });
      throw error;
    }
  }

  private async note(event: 'registered' | 'undone', what: string): Promise<void> {
    await mkdir(dirname(this.journalFile), { recursive: true });
    await appendFile(
      this.journalFile,
      `${JSON.stringify({ at: new Date(this.clock.now()).toISOString(), event, what })}\n`,
    );
  }
}

/** Undos that were registered and never ran, as a killed run left them. */
export async function unfinishedUndos(journalFile: string): Promise<string[]> {
  const text = await readFile(journalFile, 'utf8').catch(() => '');
  const open: string[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const { event, what } = JSON.parse(line) as { event: string; what: string };
    if (event === 'registered') open.push(what);
    else open.splice(open.lastIndexOf(what), 1);
  }
  return open;
}
