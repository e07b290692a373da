import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { Clock } from '../base/clock.ts';
import type { Progress } from '../base/progress.ts';
import { redactValue } from '../evidence/redaction.ts';
import type { Status } from '../judge/assertion.ts';
import type { Verdict } from '../report/model.ts';

/** What happens in a run, as it happens. `events.ndjson` has one a line, each with `at` (ISO time). */
export type RunEvent =
  | { type: 'run-started'; runId: string; scenarios: string[]; mesh: string; app: string }
  | { type: 'step-started'; step: string }
  | { type: 'step-detail'; step: string; detail: string }
  | { type: 'step-ended'; step: string; ms: number; ok: boolean }
  | { type: 'info' | 'warning'; text: string }
  | { type: 'arm-started' | 'arm-ended'; scenario: string; arm: 'control' | 'treatment' }
  | { type: 'phase-started'; scenario: string; arm: 'control' | 'treatment'; phase: 'baseline' | 'fault' | 'recovery' }
  | {
      type: 'fault-started' | 'fault-ended';
      scenario: string;
      arm: 'control' | 'treatment';
      kind: string;
      target: string;
    }
  | { type: 'rollback'; what: string; state: 'armed' | 'done' | 'failed'; error?: string | undefined }
  | { type: 'assertion'; id: string; status: Status; observed: string }
  | { type: 'scenario-ended'; scenario: string; status: Status; reason: string }
  | { type: 'run-ended'; verdict: Pick<Verdict, 'status' | 'exitCode' | 'summary'> };

export type StampedEvent = RunEvent & { at: string };

export interface Events {
  emit(event: RunEvent): void;
  /** Called with each event from now on. @returns how to end that */
  subscribe(listener: (event: StampedEvent) => void): () => void;
  /** Everything is on disk when it resolves. A disk that was full is not the run's end: what was lost is told. */
  close(): Promise<{ lost?: string }>;
}

/** Events that are appended to a file and told to whoever listens, without secrets. */
export function openEvents(file: string, clock: Clock): Events {
  const listeners = new Set<(event: StampedEvent) => void>();
  const stream: WriteStream = createWriteStream(file, { flags: 'a' });
  let lost: string | undefined;
  stream.on('error', (error) => (lost ??= error.message));
  return {
    emit(event) {
      const stamped = redactValue({ at: new Date(clock.now()).toISOString(), ...event });
      if (lost === undefined) stream.write(`${JSON.stringify(stamped)}\n`);
      for (const listener of listeners) listener(stamped);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      stream.end();
      await finished(stream).catch((error: Error) => (lost ??= error.message));
      return lost === undefined ? {} : { lost };
    },
  };
}

/** Progress whose steps are events too: the console that draws it and the file tell the same story. */
export function eventfulProgress(progress: Progress, events: Events, clock: Clock): Progress {
  return {
    step: (title, work) =>
      progress.step(title, async (detail) => {
        const start = clock.monotonicMs();
        events.emit({ type: 'step-started', step: title });
        let ok = false;
        try {
          const value = await work((text) => {
            events.emit({ type: 'step-detail', step: title, detail: text });
            detail(text);
          });
          ok = true;
          return value;
        } finally {
          events.emit({ type: 'step-ended', step: title, ms: Math.round(clock.monotonicMs() - start), ok });
        }
      }),
    info(text) {
      events.emit({ type: 'info', text });
      progress.info(text);
    },
    warn(text) {
      events.emit({ type: 'warning', text });
      progress.warn(text);
    },
  };
}
