import { pc } from './colors.ts';
import type { MeshproofError } from '../base/errors.ts';
import { redact } from '../evidence/redaction.ts';
import type { Status } from '../judge/assertion.ts';
import { marks } from '../library/lines.ts';

/** An error as every command shows it: what happened, its code, what to do. A stack only for a bug of meshproof itself. */
export function printError(error: MeshproofError): void {
  process.stderr.write(
    redact(`${pc.red('error')} ${pc.dim(error.code)}: ${error.message}\n${pc.bold('hint')}: ${error.hint}\n`),
  );
  if (error.code === 'MESHPROOF_INTERNAL' && error.cause instanceof Error && error.cause.stack) {
    process.stderr.write(redact(`${pc.dim(error.cause.stack)}\n`));
  }
}

const colours: Record<Status, (text: string) => string> = {
  pass: pc.green,
  fail: pc.red,
  error: pc.red,
  invalid: pc.yellow,
  skipped: pc.dim,
};

/** `✓`, `✗`, `!`, `?`, `-`: a mark for each status, coloured where there is a terminal. */
export function mark(status: Status): string {
  return colours[status](marks[status]);
}
