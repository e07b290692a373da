import { join } from 'node:path';
import { MeshproofError } from '../base/errors.ts';
import type { Progress } from '../base/progress.ts';
import type { Lab } from '../lab/lab.ts';
import { injectorsOf } from './injectors.ts';
import { armedRecords, replayRollback } from './rollback.ts';

const budgetMs = 120_000;

/**
 * Takes back what a killed run left in a lab that stayed, from its journal, before anything else is done there.
 *
 * @throws MeshproofError MESHPROOF_CLEANUP when something could not be taken back: nothing measured there would count
 */
export async function takeBackLeftovers(lab: Lab, progress: Progress): Promise<void> {
  const journal = join(lab.stateDir, 'journal.ndjson');
  const left = await armedRecords(journal);
  if (left.length === 0) return;
  for (const { what } of left) progress.info(`left by a run that was killed: ${what}`);
  const outcomes = await progress.step('taking back what a killed run left', () =>
    replayRollback(journal, { injectors: injectorsOf(lab), budgetMs }),
  );
  const failed = outcomes.filter(({ ok }) => !ok);
  if (failed.length === 0) {
    await lab.mesh.resetPolicies(lab.authorizations());
    return;
  }
  throw new MeshproofError(
    'MESHPROOF_CLEANUP',
    `the lab ${lab.name} has changes of a killed run that could not be taken back: ${failed.map(({ what, error }) => `${what}: ${error ?? ''}`).join('; ')}`,
    `Delete the lab: \`./bin/meshproof down ${lab.name}\`.`,
  );
}
