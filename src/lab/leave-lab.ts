import type { Progress } from '../base/progress.ts';
import type { Lab } from './lab.ts';

/**
 * Lets go of a lab: one that this process made for itself is deleted, any other stays.
 *
 * @returns what a deleted one left on this machine, one line each
 */
export async function leaveLab(lab: Lab, progress: Progress): Promise<string[]> {
  if (!lab.owned) {
    await lab.close();
    return [];
  }
  await progress.step('deleting the lab', () => lab.delete());
  return lab.remains();
}
