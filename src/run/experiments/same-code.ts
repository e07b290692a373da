import { judge } from '../../assert/recompute.ts';
import type { SameCodeScenario } from '../../scenario/schema.ts';
import { askEverything } from '../answers.ts';
import type { ExperimentResult, RunContext } from '../context.ts';
import { changeOneRow } from '../plain-database.ts';
import { evidencePath } from '../evidence.ts';
import { imageDigests, podsWithSidecar } from '../workload-facts.ts';

/**
 * The same images with and without the mesh, and the same answers. The control changes one row in the unmeshed database:
 * the comparison must notice, or equal answers mean nothing.
 */
export async function runSameCode(scenario: SameCodeScenario, context: RunContext): Promise<ExperimentResult> {
  const { lab, evidence, progress } = context;
  const { reader } = evidence;
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

    const controls = [
      await judge(
        'answers-differ',
        { a: answers.meshed, b: changedAnswers },
        {
          id: `${scenario.id}/control/one-changed-row`,
          title: 'One changed row in the database is noticed by the comparison',
          arm: 'control',
          hint: 'A comparison that misses a changed row compares nothing.',
        },
        reader,
      ),
      await judge(
        'list-empty',
        { path: containers.plain },
        {
          id: `${scenario.id}/control/no-sidecars`,
          title: 'The unmeshed namespace really is unmeshed',
          arm: 'control',
          hint: 'Comparing the mesh with itself proves nothing.',
        },
        reader,
      ),
      await judge(
        'list-not-empty',
        { path: containers.meshed },
        { id: `${scenario.id}/control/sidecars`, title: 'The meshed namespace really is meshed', arm: 'control' },
        reader,
      ),
    ];
    const assertions = [
      ...controls,
      await judge(
        'digests-equal',
        { a: digests.meshed, b: digests.plain },
        {
          id: `${scenario.id}/digests`,
          title: 'The same image digests run with and without the mesh',
          arm: 'treatment',
          given: controls,
          hint: 'Another image is a code change.',
        },
        reader,
      ),
      await judge(
        'answers-equal',
        { a: answers.meshed, b: answers.plain },
        {
          id: `${scenario.id}/answers`,
          title: 'The same questions get the same answers, byte for byte',
          arm: 'treatment',
          given: controls,
          hint: 'The mesh changed what callers see: compare the two answers files.',
        },
        reader,
      ),
    ];
    return {
      arms: (['control', 'treatment'] as const).map((name) => ({
        name,
        status: 'pass',
        problems: [],
        phases: [],
        faults: [],
        wire: [],
      })),
      assertions,
      signals: [],
    };
  });
}
