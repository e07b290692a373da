import { pc } from './colors.ts';
import type { Progress, Timing } from '../base/progress.ts';
import { redact } from '../evidence/redaction.ts';

/** A step that runs, by a clock of milliseconds. */
export interface RunningStep {
  title: string;
  detail: string;
  start: number;
  /** When the detail last changed. */
  changed: number;
  /** What was last said of it in a line of its own, and when. */
  said?: { detail: string; at: number } | undefined;
}

const firstLineAfterMs = 1000;
const nextLineAfterMs = 20_000;

/** The plain line that is due for a step, if one is: once it has lasted a second, then whenever there is news, at most every 20 s. */
export function dueLine(step: RunningStep, now: number): string | undefined {
  const { title, detail, start, said } = step;
  if (said === undefined) return now - start < firstLineAfterMs ? undefined : `${title} …${detail && ` ${detail}`}`;
  if (detail === said.detail || now - said.at < nextLineAfterMs) return undefined;
  return `${title} … ${detail} (${((now - start) / 1000).toFixed(0)} s)`;
}

/**
 * Progress for a person: on a TTY one live line of what moved last, elsewhere plain lines (see dueLine, and every step says
 * how long it took). Everything goes to standard error, so that `--json`
 * output stays clean.
 */
export function consoleProgress(options: {
  timings: Timing[];
  quiet?: boolean | undefined;
  stream?: NodeJS.WriteStream | undefined;
}): Progress & Disposable {
  const { timings, quiet = false, stream = process.stderr } = options;
  const live = stream.isTTY === true && !quiet && process.env['CI'] === undefined;
  const running = new Map<symbol, RunningStep>();
  const seconds = (start: number): string => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  const line = (text: string): void => {
    if (quiet) return;
    if (live) stream.write('\r\u001b[K');
    stream.write(redact(`${text}\n`));
    draw();
  };
  const draw = (): void => {
    if (!live || running.size === 0) return;
    const last = [...running.values()].reduce((a, b) => (b.changed >= a.changed ? b : a));
    const more = running.size > 1 ? pc.dim(` (+${running.size - 1})`) : '';
    const text = `${pc.cyan('…')} ${last.title}${last.detail === '' ? '' : pc.dim(`: ${last.detail}`)} ${pc.dim(seconds(last.start))}`;
    stream.write(`\r\u001b[K${truncate(redact(text), (stream.columns ?? 80) - 8)}${more}`);
  };
  const tick = (): void => {
    for (const step of running.values()) {
      const now = performance.now();
      const due = live ? undefined : dueLine(step, now);
      if (due === undefined) continue;
      step.said = { detail: step.detail, at: now };
      line(`  ${due}`);
    }
    draw();
  };
  const timer = setInterval(tick, live ? 100 : 500);
  timer.unref();
  return {
    async step(title, work) {
      const key = Symbol(title);
      const start = performance.now();
      const step: RunningStep = { title, detail: '', start, changed: start };
      running.set(key, step);
      const end = (mark: string): void => {
        running.delete(key);
        timings.push({ step: title, ms: Math.round(performance.now() - step.start) });
        line(`${mark} ${title} ${pc.dim(seconds(step.start))}`);
      };
      try {
        const value = await work((detail) => {
          step.detail = detail;
          step.changed = performance.now();
        });
        end(pc.green('✓'));
        return value;
      } catch (error) {
        end(pc.red('✗'));
        throw error;
      }
    },
    info: (text) => line(`  ${text}`),
    warn: (text) => line(`${pc.yellow('!')} ${text}`),
    [Symbol.dispose]: () => {
      clearInterval(timer);
      if (live) stream.write('\r\u001b[K');
    },
  };
}

function truncate(text: string, width: number): string {
  // Colour codes make the string longer than it looks; cutting late only wraps a line, which is harmless.
  return text.length > width + 20 ? `${text.slice(0, width + 19)}…` : text;
}
