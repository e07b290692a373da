import type { EvidencePath } from '../evidence/path.ts';
import { evidencePath } from '../evidence/store.ts';
import { runAppCommand } from '../lab/app-command.ts';
import type { RunContext } from './context.ts';
import { askEverything } from './answers.ts';
import { defineClaim, type Experiment, type ScenarioBase } from './define-claim.ts';
import { imageDigests, podsWithSidecar } from './workload-facts.ts';

const sameCodeExperiment: Experiment = {
  name: 'same-code',
  title: 'The same image digests and the same answers with and without the mesh',
  fields: () => ({}),
};

type Paths = Record<'meshed' | 'plain', EvidencePath>;
interface Seen {
  digests: Paths;
  sidecars: Paths;
  answers: Paths;
  changed: EvidencePath;
}

/**
 * The same images with and without the mesh, and the same answers. The control changes one answer of the unmeshed twin: the
 * comparison must notice, or equal answers mean nothing.
 */
export const sameCode = defineClaim<ScenarioBase, Seen>({
  kind: 'same-code',
  title: 'The services joined the mesh without a change',
  experiment: sameCodeExperiment,
  requires: { twin: true },
  async arms(trial, context) {
    const { lab, evidence, progress } = context;
    return progress.step(`${trial.id}: both namespaces`, async () => {
      const twin = await lab.twin(context);
      const path = (arm: string, name: string): EvidencePath => evidencePath(trial.id, arm, name);
      const seen: Seen = {
        digests: {
          meshed: await evidence.json(path('treatment', 'images-meshed.json'), await imageDigests(lab.kube, lab.app)),
          plain: await evidence.json(path('treatment', 'images-unmeshed.json'), await imageDigests(lab.kube, twin)),
        },
        sidecars: {
          meshed: await evidence.json(path('treatment', 'sidecars-meshed.json'), await podsWithSidecar(lab, lab.app)),
          plain: await evidence.json(path('control', 'sidecars-unmeshed.json'), await podsWithSidecar(lab, twin)),
        },
        answers: {
          meshed: await evidence.json(path('treatment', 'answers-meshed.json'), await askEverything(context, lab.app)),
          plain: await evidence.json(path('treatment', 'answers-unmeshed.json'), await askEverything(context, twin)),
        },
        changed: await evidence.json(path('control', 'answers-changed.json'), await changedAnswers(context)),
      };
      return { seen };
    });
  },
  async judge({ trial, judging, seen }) {
    const { digests, sidecars, answers, changed } = seen;
    const control = judging.on({ prefix: `${trial.id}/control`, arm: 'control' });
    const controls = [
      await control(
        'one-changed-answer',
        'One changed answer is noticed by the comparison',
        'answers-differ',
        { a: answers.meshed, b: changed },
        'A comparison that misses a changed answer compares nothing.',
      ),
      await control(
        'no-sidecars',
        'The unmeshed namespace really is unmeshed',
        'list-empty',
        { path: sidecars.plain },
        'Comparing the mesh with itself proves nothing.',
      ),
      await control('sidecars', 'The meshed namespace really is meshed', 'list-not-empty', { path: sidecars.meshed }),
    ];
    const claims = judging.on({ prefix: trial.id, arm: 'treatment', given: controls });
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
  },
});

/** Answers of the twin while one of them is changed on purpose: by the app's own command, else by asking with another body. */
async function changedAnswers(context: RunContext): ReturnType<typeof askEverything> {
  const { lab, rollback } = context;
  const twin = await lab.twin(context);
  const { change } = twin.app;
  if (change === undefined) {
    const answers = await askEverything(context, twin);
    const [name] = Object.keys(answers);
    const answer = name === undefined ? undefined : answers[name];
    return name === undefined || answer === undefined
      ? answers
      : { ...answers, [name]: { ...answer, body: `${answer.body}x` } };
  }
  const changed = await rollback.record({
    what: `one changed answer in ${twin.namespace}`,
    injector: 'app-command',
    args: { namespace: twin.namespace, service: change.undo.service, command: [...change.undo.command] },
  });
  try {
    await runAppCommand(lab.kube, twin, change.do);
    return await askEverything(context, twin);
  } finally {
    await changed.run();
  }
}
