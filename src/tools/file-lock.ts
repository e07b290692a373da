import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, readlink, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pollUntil } from '../base/poll.ts';
import { identityOf, isRunning, type ProcessIdentity } from '../base/process-identity.ts';

interface Holder extends ProcessIdentity {
  /** Pids of another container say nothing here; such a lock is believed while its heartbeat is fresh. */
  pidNamespace: string;
}

const heartbeatMs = 5_000;
const foreignStaleMs = 60_000;

async function self(): Promise<Holder> {
  const identity = identityOf(process.pid) ?? { pid: process.pid, startTicks: '', bootId: '' };
  return { ...identity, pidNamespace: await readlink('/proc/self/ns/pid').catch(() => '') };
}

async function isAlive(path: string, holder: Holder, here: Holder): Promise<boolean> {
  if (holder.pidNamespace === here.pidNamespace) return isRunning(holder);
  const { mtimeMs } = await stat(path);
  return Date.now() - mtimeMs < foreignStaleMs;
}

/**
 * Takes the lock file once. A lock whose process is dead is moved aside first. Two who find the same dead lock at the
 * same moment can at worst both build: what they make is moved into place atomically, so that only costs time.
 */
async function tryTake(path: string, here: Holder): Promise<string | undefined> {
  const own = `${path}.${here.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(own, JSON.stringify(here));
  try {
    await link(own, path);
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(own, { force: true });
  }
  let holder: Holder;
  try {
    holder = JSON.parse(await readFile(path, 'utf8')) as Holder;
    if (await isAlive(path, holder, here)) return `held by process ${holder.pid}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'just released';
    // An unreadable lock cannot be of a live holder: it is linked into place complete.
  }
  const aside = `${own}.dead`;
  await rename(path, aside).catch(() => {});
  await rm(aside, { force: true });
  return 'taken over from a dead process';
}

/** Runs `work` while holding a lock file, among all processes of this machine. A dead holder's lock is taken over. */
export async function withFileLock<T>(
  path: string,
  options: { what: string; signal: AbortSignal; timeoutMs: number; onWait?: (reason: string) => void },
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const here = await self();
  let gaveUp = false;
  await pollUntil(
    async () => {
      const reason = await tryTake(path, here);
      // Whoever waited was interrupted while the lock was taken for it: nobody would give it back.
      if (reason === undefined && gaveUp) await rm(path, { force: true });
      return reason === undefined ? { ready: true } : { pending: reason };
    },
    {
      what: `waiting for another meshproof: ${options.what}`,
      timeoutMs: options.timeoutMs,
      intervalMs: 100,
      signal: options.signal,
      onPending: options.onWait,
      code: 'MESHPROOF_TOOL_MISSING',
      hint: `If no other meshproof runs, remove ${path}.`,
    },
  ).catch((error: unknown) => {
    gaveUp = true;
    throw error;
  });
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, heartbeatMs);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(path, { force: true });
  }
}
