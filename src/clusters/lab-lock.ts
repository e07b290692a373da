import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { MeshproofError } from '../base/errors.ts';
import { holderOf, tryLock, type Holder } from '../base/process-lock.ts';
import { stateRoot } from './state-root.ts';

/**
 * A lab is one process's at a time: two runs would overwrite each other's policies, and `down` would take the lab away under
 * a run. Held from before the lab is opened until after it was closed or deleted; it does not wait for another.
 *
 * @param doing what the other will be told: `run`, `up`, `down`
 * @throws MeshproofError MESHPROOF_LAB_BUSY naming the process, what it does and since when
 */
export async function lockLab(name: string, doing: string, root = locksRoot()): Promise<AsyncDisposable> {
  const taken = await tryLock(join(root, name), doing);
  if ('lock' in taken) return taken.lock;
  throw new MeshproofError(
    'MESHPROOF_LAB_BUSY',
    `The lab ${name} is in use: ${describeHolder(taken.holder)}`,
    doing === 'down'
      ? 'Wait for it or end it, or delete the lab under it with --force.'
      : 'Wait until it has ended, or use another lab (--lab NAME).',
  );
}

/** Who uses a lab just now. */
export function labHolder(name: string, root = locksRoot()): Promise<Holder | undefined> {
  return holderOf(join(root, name));
}

/** `process 4711 (run) since 2026-11-25T19:52:29.000Z, 3 min ago` */
export function describeHolder({ pid, doing, since }: Holder, now = systemClock.now()): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(since)) / 1000));
  const ago = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  return `process ${pid} (${doing}) since ${since}, ${ago} ago`;
}

/** Beside the labs, not in them: a lock is there before its lab is made, and while it is deleted. */
export function locksRoot(): string {
  return join(stateRoot(), 'locks');
}
