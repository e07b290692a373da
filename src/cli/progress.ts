import { pc } from './colors.ts';
import type { Progress, Timing } from '../base/progress.ts';
import { redact } from '../evidence/redaction.ts';

/**
 * Progress for a person: on a TTY one live line of what is being waited for, elsewhere plain lines (a step that lasts over a
 * second says when it starts, and every step says how long it took). Everything goes to standard error, so that `--json`
 * output stays clean.
 */
export function consoleProgress(options: {
  timings: Timing[];
  quiet?: boolean;
  stream?: NodeJS.WriteStream;
}): Progress & Disposable {
  const { timings, quiet = false, stream = process.stderr } = options;
  const live = stream.isTTY === true && !quiet && process.env['CI'] === undefined;
  const running = new Map<symbol, { title: string; detail: string; start: number; announced: boolean }>();
  const seconds = (start: number): string => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  const line = (text: string): void => {
    if (quiet) return;
    if (live) stream.write('\r\u001b[K');
    stream.write(redact(`${text}\n`));
    draw();
  };
  const draw = (): void => {
    if (!live || running.size === 0) return;
    const oldest = [...running.values()].at(-1);
    if (oldest === undefined) return;
    const more = running.size > 1 ? pc.dim(` (+${running.size - 1})`) : '';
    const text = `${pc.cyan('…')} ${oldest.title}${oldest.detail === '' ? '' : pc.dim(`: ${oldest.detail}`)} ${pc.dim(seconds(oldest.start))}`;
    stream.write(`\r\u001b[K${truncate(redact(text), (stream.columns ?? 80) - 8)}${more}`);
  };
  const tick = (): void => {
    for (const step of running.values()) {
      if (live || step.announced || performance.now() - step.start < 1000) continue;
      step.announced = true;
      line(`  ${step.title} …${step.detail === '' ? '' : ` ${step.detail}`}`);
    }
    draw();
  };
  const timer = setInterval(tick, live ? 100 : 500);
  timer.unref();
  return {
    async step(title, work) {
      const key = Symbol(title);
      const step = { title, detail: '', start: performance.now(), announced: false };
      running.set(key, step);
      const end = (mark: string): void => {
        running.delete(key);
        timings.push({ step: title, ms: Math.round(performance.now() - step.start) });
        line(`${mark} ${title} ${pc.dim(seconds(step.start))}`);
      };
      try {
        const value = await work((detail) => {
          step.detail = detail;
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
