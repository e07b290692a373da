import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from './clock.ts';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.ts';

/** Who holds a lock, and what for. */
export interface Holder extends ProcessIdentity {
  /** For people: `run`, `down`. */
  doing: string;
  /** ISO 8601. */
  since: string;
}

/**
 * Takes a lock among all processes of this machine, or says who has it. It is the process's until it is disposed of; that of
 * a process that died is nobody's.
 *
 * Each who asks puts a file of its own into the folder, with its process in the name, and has the lock if no other living
 * process has one there then. Nobody ever takes another's file over, so two can never both have it.
 *
 * @param dir a folder for this lock alone; it is made, and removed again
 * @param patienceMs two who ask at the same moment both step back and ask again, for this long; a holder stays
 */
export async function tryLock(
  dir: string,
  doing: string,
  patienceMs = 500,
): Promise<{ lock: AsyncDisposable } | { holder: Holder }> {
  const me = identityOf(process.pid);
  if (!me) throw new Error('/proc does not know this process');
  const own = `${me.pid}-${me.startTicks}-${me.bootId}-${randomBytes(4).toString('hex')}`;
  const release = async (): Promise<void> => {
    await rm(join(dir, own), { force: true });
    // Fails while another has or asks for it.
    await rmdir(dir).catch(() => {});
  };
  const deadline = systemClock.monotonicMs() + patienceMs;
  for (;;) {
    await put(dir, own, JSON.stringify({ doing, since: new Date(systemClock.now()).toISOString() }));
    const [other] = await holders(dir, own);
    if (other === undefined) return { lock: { [Symbol.asyncDispose]: release } };
    await release();
    if (systemClock.monotonicMs() > deadline) return { holder: other };
    await systemClock.sleep(5 + Math.random() * 40);
  }
}

/** The living process that has a lock, or asks for it just now. Changes nothing. */
export async function holderOf(dir: string): Promise<Holder | undefined> {
  return (await holders(dir))[0];
}

async function put(dir: string, name: string, content: string): Promise<void> {
  for (;;) {
    try {
      await mkdir(dir, { recursive: true });
      return await writeFile(join(dir, name), content);
    } catch (error) {
      // Who releases it removes the folder too.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

async function holders(dir: string, own?: string): Promise<Holder[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found: Holder[] = [];
  for (const name of names.filter((each) => each !== own)) {
    const [, pid = '', startTicks = '', bootId = ''] = /^(\d+)-(\d+)-([0-9a-f-]{36})-[0-9a-f]{8}$/.exec(name) ?? [];
    const process = { pid: Number(pid), startTicks, bootId };
    const path = join(dir, name);
    if (!isRunning(process)) {
      // Only one who asks cleans up; the name of a dead process is never used again.
      if (own !== undefined) await rm(path, { recursive: true, force: true });
      continue;
    }
    found.push({ ...process, ...(await detailsOf(path)) });
  }
  return found;
}

async function detailsOf(path: string): Promise<{ doing: string; since: string }> {
  try {
    const { doing, since } = JSON.parse(await readFile(path, 'utf8')) as { doing: string; since: string };
    return { doing, since };
  } catch {
    // Written at this very moment, or gone again.
    const since = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => systemClock.now(),
    );
    return { doing: 'starting', since: new Date(since).toISOString() };
  }
}
