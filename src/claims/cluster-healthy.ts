import type { EvidencePath } from '../evidence/path.ts';
import { evidencePath } from '../evidence/store.ts';
import { healthOfBrokenWorkload, plantBrokenWorkload } from '../lab/lab-health.ts';
import { defineClaim, type Experiment, type ScenarioBase } from './define-claim.ts';

const health: Experiment = {
  name: 'health',
  title: 'Cluster health before and after everything; the control is a broken workload that must be found',
  fields: () => ({}),
};

interface Seen {
  broken: EvidencePath;
}

/** Health before and after the run's experiments, and of a workload broken on purpose; the engine takes the snapshots. */
export const clusterHealthy = defineClaim<ScenarioBase, Seen>({
  kind: 'cluster-healthy',
  title: 'The cluster is healthy before and after, and a sick one would be noticed',
  experiment: health,
  requires: {},
  when: 'end',
  begin: plantBrokenWorkload,
  // While the broken workload is still there: it is taken away before health is looked at again.
  async arms(trial, context) {
    const broken = await healthOfBrokenWorkload(context);
    return {
      seen: { broken: await context.evidence.json(evidencePath(trial.id, 'control', 'health-broken.json'), broken) },
    };
  },
  async judge({ trial, context, judging, seen }) {
    const snapshots = context.health();
    const control = await judging.on({ prefix: `${trial.id}/control`, arm: 'control' })(
      'broken-workload',
      'A crashing workload and one that cannot start are found',
      'health-has-failure',
      { health: seen.broken },
      'Health checks that miss a crash loop prove nothing by passing.',
    );
    const claims = judging.on({ prefix: trial.id, arm: 'treatment', given: [control] });
    for (const when of ['before', 'after'] as const) {
      await claims(
        when,
        `Every health check passes ${when} the experiments`,
        'health-all-pass',
        { health: snapshots[when] },
        'Each failed check names what is wrong and what to do: see the health section.',
      );
    }
  },
});
