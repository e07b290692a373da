import type { SameCodeScenario } from '../scenario/schema.ts';
import { askEverything } from '../run/answers.ts';
import type { ExperimentResult, RunContext } from '../run/context.ts';
import { Judging } from '../run/judging.ts';
import { judgedOnly } from './judged-only.ts';
import { changeOneRow } from '../run/plain-database.ts';
import { evidencePath } from '../evidence/store.ts';
import { imageDigests, podsWithSidecar } from '../run/workload-facts.ts';

/**
 * The same images with and without the mesh, and the same answers. The control changes one row in the unmeshed database:
 * the comparison must notice, or equal answers mean nothing.
 */
export async function runSameCode(scenario: SameCodeScenario, context: RunContext): Promise<ExperimentResult> {
  const { lab, evidence, progress } = context;
  return progress.step(`${scenario.id}: both namespaces`, async () => {
    await lab.ensurePlain(context);
    const { meshed, plain } = lab.namespaces;
    const path = (arm: string, name: string): string => evidencePath(scenario.id, arm, name);
    const digests = {
      meshed: await evidence.json(path('treatment', 'images-meshed.json'), await imageDigests(lab, meshed)),
      plain: await evidence.json(path('treatment', 'images-unmeshed.json'), await imageDigests(lab, plain)),
    };
    const containers = {
      meshed: await evidence.json(path('treatment', 'sidecars-meshed.json'), await podsWithSidecar(lab, meshed)),
      plain: await evidence.json(path('control', 'sidecars-unmeshed.json'), await podsWithSidecar(lab, plain)),
    };
    const answers = {
      meshed: await evidence.json(path('treatment', 'answers-meshed.json'), await askEverything(context, meshed)),
      plain: await evidence.json(path('treatment', 'answers-unmeshed.json'), await askEverything(context, plain)),
    };
    await using changed = await changeOneRow(context);
    const changedAnswers = await evidence.json(
      path('control', 'answers-changed.json'),
      await askEverything(context, plain),
    );
    await changed.restore();

    const judging = new Judging(evidence.reader);
    const control = judging.on({ prefix: `${scenario.id}/control`, arm: 'control' });
    const controls = [
      await control(
        'one-changed-row',
        'One changed row in the database is noticed by the comparison',
        'answers-differ',
        { a: answers.meshed, b: changedAnswers },
        'A comparison that misses a changed row compares nothing.',
      ),
      await control(
        'no-sidecars',
        'The unmeshed namespace really is unmeshed',
        'list-empty',
        { path: containers.plain },
        'Comparing the mesh with itself proves nothing.',
      ),
      await control('sidecars', 'The meshed namespace really is meshed', 'list-not-empty', { path: containers.meshed }),
    ];
    const claims = judging.on({ prefix: scenario.id, arm: 'treatment', given: controls });
    await claims(
      'digests',
      'The same image digests run with and without the mesh',
      'digests-equal',
      { a: digests.meshed, b: digests.plain },
      'Another image is a code change.',
    );
    await claims(
      'answers',
      'The same questions get the same answers, byte for byte',
      'answers-equal',
      { a: answers.meshed, b: answers.plain },
      'The mesh changed what callers see: compare the two answers files.',
    );
    return { arms: judgedOnly, assertions: judging.assertions, signals: [] };
  });
}
