import { randomBytes } from 'node:crypto';
import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pollUntil } from '../../base/poll.ts';
import { removeCgroups } from './cgroup.ts';
import { isDead, labDir, labEntries, labsRoot, readRecordIn, type LabRecord } from './lab-record.ts';
import { removeLink } from './link.ts';
import { hasProcesses } from './list-labs.ts';
import { killLabProcesses } from './node-process.ts';
import { isRunning } from '../../base/process-identity.ts';

/**
 * Deletes a lab in any state, also a half-made one; unknown names count as deleted. Its processes die first: one that just
 * starts would make the directory anew under its old name. Then the directory is renamed: whoever gets it cleans, and a
 * new lab of that name may start at once.
 */
export async function deleteLab(name: string, root = labsRoot()): Promise<void> {
  const record = await readRecordIn(labDir(name, root));
  if (record) await endProcesses(record);
  const remains = join(root, `.delete-${name}-${randomBytes(4).toString('hex')}`);
  try {
    await rename(labDir(name, root), remains);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await deleteRemains(remains);
}

/** Deletes labs whose owner died and finishes deletions that were cut short. Returns the names of the labs it deleted. */
export async function reapDeadLabs(root = labsRoot()): Promise<string[]> {
  const { labs, remains } = await labEntries(root);
  const reaped: string[] = [];
  for (const name of labs) {
    const record = await readRecordIn(labDir(name, root));
    if (record && !isDead(record) && !hasLostItsNode(record)) continue;
    await deleteLab(name, root);
    reaped.push(name);
  }
  for (const entry of remains) {
    if (entry.startsWith('.claim-') && (await isBeingClaimed(join(root, entry)))) continue;
    // Two may do this at once: every step can be repeated, and touches only what carries the lab's id.
    await deleteRemains(join(root, entry));
  }
  return reaped;
}

/** Deletes every lab of this user, running or dead. Returns their names. */
export async function deleteAllLabs(root = labsRoot()): Promise<string[]> {
  const { labs } = await labEntries(root);
  await Promise.all(labs.map((name) => deleteLab(name, root)));
  await reapDeadLabs(root);
  return labs;
}

const patience = { intervalMs: 5, timeoutMs: 5000, hint: 'Run `meshproof down --all` again.' };

/** Until none is left. All can be repeated, and hits only what carries the lab's id. */
async function endProcesses({ id, name }: LabRecord): Promise<void> {
  await pollUntil(
    async () => {
      const pids = killLabProcesses(id);
      return pids.length === 0 ? { ready: true } : { pending: `processes ${pids.join(', ')} do not die` };
    },
    { ...patience, what: `Deleting lab ${name}` },
  );
}

async function deleteRemains(dir: string): Promise<void> {
  const record = await readRecordIn(dir);
  if (record) {
    await endProcesses(record);
    if (record.link) await removeLink(record.link.name, record.id);
    await pollUntil(
      async () => (removeCgroups(record.id) ? { ready: true } : { pending: 'its cgroups still hold processes' }),
      { ...patience, what: `Deleting lab ${record.name}` },
    );
  }
  await rm(dir, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 });
}

/** Its processes were killed from outside: nothing is left to attach to, but the name would stay taken. */
function hasLostItsNode(record: LabRecord): boolean {
  return record.state === 'running' && !isRunning(record.owner) && !hasProcesses(record);
}

async function isBeingClaimed(dir: string): Promise<boolean> {
  const record = await readRecordIn(dir);
  if (record) return !isDead(record);
  const info = await stat(dir).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs < 60_000;
}
