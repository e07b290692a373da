import type { HealthScenario } from '../scenario/schema.ts';
import type { HealthSnapshot } from '../observe/health/health.ts';
import type { EvidencePath } from '../evidence/path.ts';
import type { ExperimentResult, RunContext } from '../run/context.ts';
import { evidencePath } from '../evidence/store.ts';
import { Judging } from '../run/judging.ts';
import { judgedOnly } from './judged-only.ts';

/** Health before and after the run's experiments, and of a workload broken on purpose; the runner took the snapshots. */
export async function runHealth(
  scenario: HealthScenario,
  context: RunContext,
  snapshots: { before: EvidencePath; after: EvidencePath; broken: HealthSnapshot },
): Promise<ExperimentResult> {
  const { evidence, progress } = context;
  return progress.step(`${scenario.id}: before and after`, async () => {
    const judging = new Judging(evidence.reader);
    const control = await judging.on({ prefix: `${scenario.id}/control`, arm: 'control' })(
      'broken-workload',
      'A crashing workload and one that cannot start are found',
      'health-has-failure',
      { health: await evidence.json(evidencePath(scenario.id, 'control', 'health-broken.json'), snapshots.broken) },
      'Health checks that miss a crash loop prove nothing by passing.',
    );
    const claims = judging.on({ prefix: scenario.id, arm: 'treatment', given: [control] });
    for (const when of ['before', 'after'] as const) {
      await claims(
        when,
        `Every health check passes ${when} the experiments`,
        'health-all-pass',
        { health: snapshots[when] },
        'Each failed check names what is wrong and what to do: see the health section.',
      );
    }
    return { arms: judgedOnly, assertions: judging.assertions, signals: [] };
  });
}
