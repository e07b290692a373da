import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { residue } from '../../../src/clusters/embedded/residue.ts';

/** A state folder for the labs of a suite: those of others on this machine are not ours to reap. */
export interface OwnState {
  path: string;
  /** Gives the folder up. @returns what is left of these labs, and of any lab in the folder */
  leave(labs: readonly string[]): Promise<string[]>;
}

export async function ownState(): Promise<OwnState> {
  const earlier = process.env.XDG_STATE_HOME;
  const path = await mkdtemp(join(tmpdir(), 'meshproof-state-'));
  process.env.XDG_STATE_HOME = path;
  return {
    path,
    async leave(labs) {
      const residues = await Promise.all(labs.map((lab) => residue(lab)));
      const left = [...residues.flat(), ...(await readdir(join(path, 'meshproof/labs')))];
      if (earlier === undefined) delete process.env.XDG_STATE_HOME;
      else process.env.XDG_STATE_HOME = earlier;
      await rm(path, { recursive: true, force: true });
      return left;
    },
  };
}
