/**
 * Where an undo is written down before its do (design, rule 5). The runner's undo stack is one: it runs what is left,
 * last first, within its own time budget, and keeps a journal on disk.
 */
export interface UndoRegistrar {
  /** `action` must be safe to run twice and succeed when the thing is gone. */
  register(what: string, action: () => Promise<void>): Promise<{ run(): Promise<void> }>;
}
