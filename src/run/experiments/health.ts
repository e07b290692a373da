import { judge } from '../../assert/recompute.ts';
import type { HealthScenario } from '../../scenario/schema.ts';
import type { HealthSnapshot } from '../../health/health.ts';
import type { EvidencePath } from '../../assert/assertion.ts';
import type { ExperimentResult, RunContext } from '../context.ts';
import { evidencePath } from '../evidence.ts';

/** Health before and after the run's experiments, and of a workload broken on purpose; the runner took the snapshots. */
export async function runHealth(
  scenario: HealthScenario,
  context: RunContext,
  snapshots: { before: EvidencePath; after: EvidencePath; broken: HealthSnapshot },
): Promise<ExperimentResult> {
  const { evidence, progress } = context;
  const { reader } = evidence;
  return progress.step(`${scenario.id}: before and after`, async () => {
    const control = await judge(
      'health-has-failure',
      { health: await evidence.json(evidencePath(scenario.id, 'control', 'health-broken.json'), snapshots.broken) },
      {
        id: `${scenario.id}/control/broken-workload`,
        title: 'A crashing workload and one that cannot start are found',
        arm: 'control',
        hint: 'Health checks that miss a crash loop prove nothing by passing.',
      },
      reader,
    );
    const assertions = [control];
    for (const [when, health] of [
      ['before', snapshots.before],
      ['after', snapshots.after],
    ] as const) {
      assertions.push(
        await judge(
          'health-all-pass',
          { health },
          {
            id: `${scenario.id}/${when}`,
            title: `Every health check passes ${when} the experiments`,
            arm: 'treatment',
            given: [control],
            hint: 'Each failed check names what is wrong and what to do: see the health section.',
          },
          reader,
        ),
      );
    }
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
