import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshproofError } from '../../base/errors.ts';
import { stateRoot } from '../state-root.ts';
import { bootId, identityOf, isRunning, type ProcessIdentity } from '../../base/process-identity.ts';

/** What is on disk about an embedded lab: `lab.json` in its directory. */
export interface LabRecord {
  version: 1;
  /** Unique for ever: two labs of one name, one after the other, share no cgroup and no process marker. */
  id: string;
  name: string;
  /** False for a lab left by `up`. */
  ownedByProcess: boolean;
  owner: ProcessIdentity;
  createdAt: string;
  state: 'creating' | 'running';
  /** Host end of the veth pair and the addresses of both ends. */
  link?: { name: string; hostIp: string; nodeIp: string; prefix: number };
  /** Absent: one. */
  nodes?: number | undefined;
  kubernetesVersion?: string | undefined;
}

/** Where labs are kept: `$XDG_STATE_HOME/meshproof/labs`. */
export function labsRoot(env: NodeJS.ProcessEnv = process.env): string {
  return join(stateRoot(env), 'labs');
}

export function labDir(name: string, root = labsRoot()): string {
  return join(root, name);
}

const namePattern = /^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$/;

/**
 * Takes the name for a new lab; the directory appears at once with its record, so nobody ever sees half of it.
 *
 * @throws MeshproofError MESHPROOF_USAGE for a bad name, MESHPROOF_LAB_BUSY when the name is taken.
 */
export async function claimLab(name: string, ownedByProcess: boolean, root = labsRoot()): Promise<LabRecord> {
  if (!namePattern.test(name)) {
    throw new MeshproofError(
      'MESHPROOF_USAGE',
      `Bad lab name '${name}'`,
      'Use 1 to 24 of a-z, 0-9 and -, not - at an end.',
    );
  }
  const owner = identityOf(process.pid);
  if (!owner) throw new Error('/proc does not know this process');
  const record: LabRecord = {
    version: 1,
    id: `${name}-${randomBytes(4).toString('hex')}`,
    name,
    ownedByProcess,
    owner,
    createdAt: new Date().toISOString(),
    state: 'creating',
  };
  const draft = join(root, `.claim-${record.id}`);
  await mkdir(draft, { recursive: true, mode: 0o700 });
  await writeFile(join(draft, 'lab.json'), JSON.stringify(record, null, 2), { mode: 0o600 });
  try {
    await rename(draft, labDir(name, root));
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    throw new MeshproofError(
      'MESHPROOF_LAB_BUSY',
      `A lab called ${name} exists already`,
      `Use another --lab name, or remove it with \`meshproof down --lab ${name}\`.`,
    );
  }
  return record;
}

export async function saveRecord(record: LabRecord, root = labsRoot()): Promise<void> {
  const path = join(labDir(record.name, root), 'lab.json');
  await writeFile(`${path}.new`, JSON.stringify(record, null, 2), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

export async function readRecord(name: string, root = labsRoot()): Promise<LabRecord | undefined> {
  return readRecordIn(labDir(name, root));
}

export async function readRecordIn(dir: string): Promise<LabRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(join(dir, 'lab.json'), 'utf8')) as LabRecord;
    return record.version === 1 ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Directory names below the root: labs, and remains of claims and deletions that were cut short (leading dot). */
export async function labEntries(root = labsRoot()): Promise<{ labs: string[]; remains: string[] }> {
  const entries = await readdir(root).catch(() => [] as string[]);
  return {
    labs: entries.filter((entry) => !entry.startsWith('.')),
    remains: entries.filter((entry) => entry.startsWith('.')),
  };
}

/** Why nobody will ever delete a lab, if so: its owner died, or the machine was restarted under it. */
export function causeOfDeath(record: LabRecord): string | undefined {
  if (record.owner.bootId !== bootId()) return 'the machine was restarted under it';
  if (isRunning(record.owner)) return undefined;
  const owner = `process ${record.owner.pid}`;
  if (record.state === 'creating') return `${owner}, which was making it, is gone`;
  return record.ownedByProcess ? `${owner}, whose lab it is, is gone` : undefined;
}

export function isDead(record: LabRecord): boolean {
  return causeOfDeath(record) !== undefined;
}
