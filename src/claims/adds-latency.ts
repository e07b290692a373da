import { z } from 'zod';
import type { RunningApp } from '../apps/app.ts';
import type { Assertion } from '../judge/assertion.ts';
import type { ArmName, ArmResult, ArmSpec } from './arm.ts';
import { defineClaim, type Experiment, type ScenarioBase, type Trial } from './define-claim.ts';
import type { Judging } from './judging.ts';
import { quiet } from './quiet.ts';
import { sameReplicas } from './same-replicas.ts';
import { targetOf } from './targets.ts';

const ms = z.number().positive().optional();

const load = z.strictObject({
  service: z.string().min(1).optional().describe('Called directly by k6; default: the first that answers HTTP.'),
  rps: z.number().positive().max(1000).default(40),
  seconds: z.number().min(10).default(20).describe('Of each run; the kubelet measures CPU every ten seconds or so.'),
  rounds: z.number().int().min(2).max(50).default(4).describe('Each is a run without the mesh and one with it.'),
});

const bounds = z
  .strictObject({ addedP50AtMostMs: ms, addedP95AtMostMs: ms, addedP99AtMostMs: ms })
  .default({})
  .describe('Of what the mesh adds to a request; left out: it is measured, whatever it is.');

const overhead: Experiment = {
  name: 'overhead',
  title: 'The same load without and with the mesh, by turns',
  fields: () => ({ load, bounds }),
};

interface Scenario extends ScenarioBase {
  load: z.output<typeof load>;
  bounds: z.output<typeof bounds>;
}

/** Connections are made and code is compiled in the first seconds of a run. */
const warmUpMs = 2000;

const quantiles = [
  ['p50', 0.5, 'addedP50AtMostMs'],
  ['p95', 0.95, 'addedP95AtMostMs'],
  ['p99', 0.99, 'addedP99AtMostMs'],
] as const;

/**
 * What the mesh costs: latency that it adds to a request, CPU and memory of its proxies. Runs without and with it alternate,
 * against a twin of the app of as many replicas. The control compares the runs without it among themselves: a comparison that
 * sees a difference there would see one anywhere.
 */
export const addsLatency = defineClaim<Scenario, undefined>({
  kind: 'adds-latency',
  title: 'What the mesh adds in latency, CPU and memory',
  experiment: overhead,
  requires: { twin: true },
  subjects: ({ load: { service } }, { services }) =>
    services
      .filter(({ call, protocol, name }) => call !== undefined && protocol === 'http' && name === (service ?? name))
      .slice(0, 1)
      .map((called) => ({ service: called })),
  async arms(trial, context) {
    const { lab } = context;
    const twin = await lab.twin(context);
    await sameReplicas(lab.kube, { like: lab.app, app: twin, signal: context.signal });
    const { rounds } = trial.scenario.load;
    return {
      control: armOn(trial, twin, 'control'),
      treatment: armOn(trial, lab.app, 'treatment'),
      rounds,
      seen: undefined,
    };
  },
  async judge({ trial, context, judging, rounds }) {
    const { control, treatment } = rounds;
    const valid = [...(await validity(trial, control, judging)), ...(await validity(trial, treatment, judging))];
    const without = control.map((arm) => arm.load);
    const same = await judging.on({ prefix: `${trial.id}/control`, arm: 'control', given: valid })(
      'no-difference',
      'Runs without the mesh do not differ among themselves',
      'no-latency-added',
      { runs: without, quantile: 0.5, warmUpMs },
      'Something else on this machine comes and goes: nothing that was measured is the mesh’s alone.',
    );
    const claims = judging.on({ prefix: trial.id, arm: 'treatment', given: [...valid, same] });
    for (const [name, quantile, bound] of quantiles) {
      const atMostMs = trial.scenario.bounds[bound];
      await claims(
        name,
        `What the mesh adds to ${name}`,
        'latency-added',
        {
          without,
          with: treatment.map((arm) => arm.load),
          quantile,
          warmUpMs,
          ...(atMostMs !== undefined && { atMostMs }),
        },
        'More rounds make the interval narrower; a machine that does nothing else makes the noise smaller.',
      );
    }
    await claims('proxies', 'What the proxies use', 'proxies-metered', {
      runs: treatment.flatMap(({ load: samples, apps }) => (apps ? [{ load: samples, ...apps.usage }] : [])),
      container: context.lab.mesh.sidecarContainer,
    });
  },
});

function armOn({ id, scenario, subject }: Trial<Scenario>, app: RunningApp, name: ArmName): ArmSpec {
  const { rps, seconds } = scenario.load;
  const service = subject?.service;
  if (service?.call === undefined) throw new TypeError(`${scenario.id} has no service to call`);
  return {
    scenario: id,
    name,
    app,
    policies: [],
    load: {
      targets: [targetOf(service, app.namespace, service.call)],
      rps,
      clients: 1,
      maxVUs: Math.ceil(rps * 2),
      requestTimeoutMs: 10_000,
    },
    baselineMs: seconds * 1000,
    recoveryMs: 0,
    timeline: [],
    watch: app.meshed ? [service.name] : [],
    ...(app.meshed && { witnesses: [service.name] }),
  };
}

/** Of each run: a machine that was not too busy, and the load that was asked for. */
async function validity(
  { id, scenario }: Trial<Scenario>,
  arms: readonly ArmResult[],
  judging: Judging,
): Promise<Assertion[]> {
  const { rps, seconds } = scenario.load;
  const made: Assertion[] = [];
  for (const [index, arm] of arms.entries()) {
    const { name } = arm.spec;
    const check = judging.on({ prefix: `${id}/${name}-${index + 1}`, arm: name, role: 'validity' });
    made.push(
      await quiet(check, arm),
      await check('load', 'The load was delivered as asked', 'load-sufficient', {
        load: arm.load,
        facts: arm.loadFacts,
        minRequests: Math.floor(rps * seconds * 0.9),
      }),
      await check('success', 'The service answered', 'success-rate-at-least', { load: arm.load, share: 0.99 }),
    );
  }
  return made;
}
