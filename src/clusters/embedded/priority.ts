import { readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** As Linux has it: about the weight that all pods together have. */
export const nice = -10;
/** Linux shares CPU among sessions first; a program's own niceness then counts only within its session (sched(7), autogroup). */
export const sessionFile = '/proc/self/autogroup';

/** Its session goes first, until it ends: others of the session (a shell) are not to keep that. */
let raised = false;

/**
 * Whoever runs pods and looks at them gets the CPU before them: all pods together weigh as much as 16 programs (cgroup.ts), and
 * beside pods that use every core an API server with the weight of one did not answer for a quarter of a minute. The node's
 * processes inherit it, and its init says it for their session. Where that is not allowed it is left as it is.
 */
export function goBeforePods(): void {
  // Only root may, and not in every container.
  ifAllowed(() => {
    if (getPriority() > nice) setPriority(nice);
  });
  if (raised) return;
  ifAllowed(() => {
    const before = niceOfSession(readFileSync(sessionFile, 'utf8'));
    if (before === undefined || before <= nice) return;
    writeFileSync(sessionFile, String(nice));
    raised = true;
    process.once('exit', () => ifAllowed(() => writeFileSync(sessionFile, String(before))));
  });
}

/** `/autogroup-42 nice -10` */
export function niceOfSession(text: string): number | undefined {
  const found = /\bnice (-?\d+)/.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

function ifAllowed(change: () => void): void {
  try {
    change();
  } catch {
    // A kernel without such groups, or a container that may not.
  }
}
