import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readlink, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { identityOf, isRunning } from './process-identity.ts';

/** A folder for work in progress. Leaving its scope removes it with all that is in it. */
export interface ScratchFolder extends AsyncDisposable {
  readonly path: string;
}

const prefix = '.scratch-';

/** Pids of another container or machine that shares the folder say nothing here; nothing is worked on for that long. */
const foreignStaleMs = 24 * 3600 * 1000;

/**
 * Makes a scratch folder in `parent` (made too if it is not there), so that a rename out of it stays on one file system.
 * What killed processes left beside it is removed first.
 */
export async function scratchFolder(parent: string): Promise<ScratchFolder> {
  await mkdir(parent, { recursive: true });
  const here = await whereabouts();
  await sweep(parent, here);
  const { pid, startTicks } = identityOf(process.pid) ?? { pid: process.pid, startTicks: '' };
  const path = join(parent, `${prefix}${[pid, startTicks, ...here, randomBytes(4).toString('hex')].join('.')}`);
  await mkdir(path);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Boot and pid namespace: what a pid is to be read in. */
async function whereabouts(): Promise<[string, string]> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  return [identityOf(process.pid)?.bootId ?? '', namespace.replace(/\D/g, '')];
}

async function sweep(parent: string, [bootId, namespace]: [string, string]): Promise<void> {
  for (const name of (await readdir(parent)).filter((each) => each.startsWith(prefix))) {
    const path = join(parent, name);
    const [pid = '', startTicks = '', boot, space] = name.slice(prefix.length).split('.');
    const isOfHere = boot === bootId && space === namespace;
    const age = async (): Promise<number> => Date.now() - (await stat(path).catch(() => ({ mtimeMs: 0 }))).mtimeMs;
    const isLeft = isOfHere ? !isRunning({ pid: Number(pid), startTicks, bootId }) : (await age()) > foreignStaleMs;
    if (isLeft) await rm(path, { recursive: true, force: true });
  }
}
