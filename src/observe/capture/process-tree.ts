import { readdir, readFile } from 'node:fs/promises';

/**
 * The program at the end of a chain of wrappers (nsenter, timeout): follows children from `pid` down.
 * Undefined if the process is gone.
 */
export async function lastDescendant(pid: number): Promise<number | undefined> {
  const parents = await parentOfEach();
  if (!parents.has(pid)) return undefined;
  let last = pid;
  for (;;) {
    const child = [...parents].find(([, parent]) => parent === last)?.[0];
    if (child === undefined) return last;
    last = child;
  }
}

async function parentOfEach(): Promise<Map<number, number>> {
  const parents = new Map<number, number>();
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      // The program's name is in parentheses and may hold anything; the parent is the second field after it.
      const parent = line.slice(line.lastIndexOf(')') + 2).split(' ')[1];
      if (parent !== undefined) parents.set(Number(pid), Number(parent));
    }),
  );
  return parents;
}
