import { stringify } from 'yaml';
import { MeshproofError } from '../base/errors.ts';
import { armFolder, type ArmName, type ArmResult, type ArmSpec } from '../claims/arm.ts';
import type { Arms } from '../claims/define-claim.ts';
import { Judging } from '../claims/judging.ts';
import { machineOf } from '../claims/quiet.ts';
import { evidencePath } from '../evidence/store.ts';
import type { MachineSelection } from '../judge/machine.ts';
import { judgeArm, type RunArm } from '../judge/verdict/judge-arm.ts';
import { noClaimHeld, scenarioStatus } from '../judge/verdict/status-of.ts';
import type { Assertion, Status } from '../judge/assertion.ts';
import { skipped } from '../judge/recompute.ts';
import { collectFailureEvidence } from '../observe/diagnosis/failure-evidence.ts';
import type { GoldenSignals } from '../observe/telemetry/golden.ts';
import type { Policy } from '../policies/index.ts';
import type { ScenarioReport } from '../report/model.ts';
import { triedOf } from '../scenario/tried.ts';
import { runArm } from './arm.ts';
import { startLine } from './start-line.ts';
import type { Engine } from './engine.ts';
import { unmet, type PlannedTrial } from './trials.ts';

/** What became of a trial. */
export interface TrialOutcome {
  report: ScenarioReport;
  signals: GoldenSignals[];
  /** Where it is told how busy the machine was, of each arm that ran. */
  machine: MachineSelection[];
  error?: unknown;
}

/** A trial under way: what was seen so far, or why it broke off. */
interface Running extends PlannedTrial {
  arms?: Arms<unknown>;
  results: Record<ArmName, ArmResult[]>;
  error?: unknown;
  skipped?: string;
}

/**
 * Runs trials side by side: first everybody's control arm, then everybody's treatment. The policies of all are put in force
 * in one go and taken back in one go, since those who call share their configuration. One that breaks off does not stop the
 * others.
 */
export async function runWave(planned: readonly PlannedTrial[], engine: Engine): Promise<TrialOutcome[]> {
  const { context } = engine;
  const started = context.clock.monotonicMs();
  const running = planned.map((one): Running => ({ ...one, results: { control: [], treatment: [] } }));
  await Promise.all(running.map((one) => prepare(one, engine)));
  const rounds = Math.max(...running.map(({ arms }) => arms?.rounds ?? 1));
  for (let round = 1; round <= rounds; round++) {
    for (const name of ['control', 'treatment'] as const) {
      const specs = running.flatMap((one) => {
        const spec = one.error === undefined && round <= (one.arms?.rounds ?? 1) ? one.arms?.[name] : undefined;
        return spec === undefined ? [] : [{ one, spec: { ...spec, round } }];
      });
      if (specs.length > 0 && !context.signal.aborted) await runArms(specs, name, engine);
    }
  }
  return Promise.all(running.map((one) => judged(one, engine, () => context.clock.monotonicMs() - started)));
}

async function prepare(one: Running, { context }: Engine): Promise<void> {
  const { claim, trial } = one;
  const requires = typeof claim.requires === 'function' ? claim.requires(trial.scenario) : claim.requires;
  const why = unmet(requires, context.lab);
  if (why !== undefined) {
    one.skipped = why;
    return;
  }
  try {
    const arms = await claim.arms(trial, context);
    const told = [arms.control, arms.treatment].flatMap((spec) => (spec === undefined ? [] : [spec.policies]));
    const unsaid = told.map((policies) => context.lab.meshEntry.cannotSay?.(policies)).find((reason) => reason);
    if (unsaid === undefined) one.arms = arms;
    else one.skipped = unsaid;
  } catch (error) {
    one.error = error;
  }
}

async function runArms(
  specs: readonly { one: Running; spec: ArmSpec }[],
  name: ArmName,
  engine: Engine,
): Promise<void> {
  try {
    await using policies = await putInForce(
      specs.map(({ spec }) => spec),
      engine,
    );
    for (const { spec } of specs) {
      await engine.context.evidence.text(
        evidencePath(spec.scenario, armFolder(spec), 'policies.yaml'),
        policies.rendered,
      );
    }
    const places = startLine(specs.length);
    await Promise.all(
      specs.map(async ({ one, spec }, index) => {
        try {
          one.results[name].push(await runArm(spec, engine, places[index]));
        } catch (error) {
          one.error = error;
        } finally {
          places[index]?.leave();
        }
      }),
    );
  } catch (error) {
    // The policies of all: nobody's arm counts.
    for (const { one } of specs) one.error ??= error;
  }
}

interface InForce extends AsyncDisposable {
  /** What the mesh was told, to copy from. */
  rendered: string;
}

/** Puts the policies of several arms in force together, and takes them back on disposal. */
async function putInForce(specs: readonly ArmSpec[], { context }: Engine): Promise<InForce> {
  const policies = specs.flatMap((spec) => spec.policies);
  const nothing = { rendered: stringify([]), [Symbol.asyncDispose]: () => Promise.resolve() };
  if (policies.length === 0) return nothing;
  const { lab, progress, rollback } = context;
  const services = [...new Set(policies.flatMap((policy: Policy) => ('service' in policy ? [policy.service] : [])))];
  const plan = await lab.mesh.plan(policies);
  const undo = await rollback.record({
    what: `policies of ${services.join(', ')}`,
    injector: 'mesh-policies',
    args: plan.rollback,
  });
  await progress.step(`policies of ${services.join(', ')}`, () => plan.apply());
  return { rendered: plan.rendered, [Symbol.asyncDispose]: () => undo.run() };
}

async function judged(one: Running, engine: Engine, elapsedMs: () => number): Promise<TrialOutcome> {
  const { context, events } = engine;
  const { trial, claim } = one;
  const tried = triedOf(trial.scenario, trial.subject, claim);
  const base = { id: trial.id, title: trial.title, criterion: trial.scenario.criterion.id, tried };
  const judging = new Judging(context.evidence.reader);
  const outcome = (status: Status, reason: string, assertions: Assertion[], arms: RunArm[]): TrialOutcome => {
    for (const { id, status: each, observed } of assertions)
      events.emit({ type: 'assertion', id, status: each, observed });
    events.emit({ type: 'scenario-ended', scenario: trial.id, status, reason });
    const judgedArms = arms.map((arm) => judgeArm(arm, assertions));
    return {
      report: { ...base, status, reason, durationMs: Math.round(elapsedMs()), arms: judgedArms, assertions },
      signals: Object.values(one.results).flatMap((rounds) => rounds.flatMap(({ signals }) => signals)),
      machine: Object.values(one.results).flatMap((rounds) => rounds.map(machineOf)),
    };
  };
  if (one.skipped !== undefined) {
    const about = {
      id: `${trial.id}/possible`,
      title: claim.title,
      expected: 'the lab can do it',
      reason: one.skipped,
    };
    return outcome('skipped', one.skipped, [skipped(about)], []);
  }
  try {
    context.signal.throwIfAborted();
    if (one.error !== undefined) throw one.error;
    const { results } = one;
    const [control, treatment] = [results.control[0], results.treatment[0]];
    const seen = one.arms?.seen;
    await claim.judge({
      trial,
      context,
      judging,
      seen,
      arms: { ...(control && { control }), ...(treatment && { treatment }) },
      rounds: results,
    });
    const { assertions } = judging;
    const status = scenarioStatus(assertions);
    if (status === 'fail') await keepFailureEvidence(one, engine);
    return outcome(
      status,
      reasonOf(status, assertions),
      assertions,
      (['control', 'treatment'] as const).map((name) => ({ control, treatment })[name]?.report ?? nothingRan(name)),
    );
  } catch (error) {
    const interrupted =
      context.signal.aborted || (error instanceof MeshproofError && error.code === 'MESHPROOF_INTERRUPTED');
    const reason = error instanceof Error ? error.message : String(error);
    return { ...outcome(interrupted ? 'invalid' : 'error', reason, [], []), error };
  }
}

/** Logs, events and proxy configurations of the pods that a failed trial was about. */
async function keepFailureEvidence({ trial }: Running, { context }: Engine): Promise<void> {
  const { lab, evidence, progress, signal } = context;
  const { app } = lab.app;
  const services = trial.subject === undefined ? app.services : [trial.subject.service];
  const pods = (await Promise.all(services.map(({ name }) => lab.app.pods(name)))).flat();
  await progress.step(`${trial.id}: logs, events and proxies of the failure`, () =>
    collectFailureEvidence({
      kube: lab.kube,
      mesh: lab.mesh,
      pods,
      evidence,
      path: `evidence/${trial.id}/failure`,
      signal,
    }),
  );
}

/** An arm without load, faults and captures: what it shows is in its assertions. */
function nothingRan(name: ArmName): RunArm {
  return { name, phases: [], faults: [], wire: [] };
}

export function reasonOf(status: Status, assertions: readonly Assertion[]): string {
  if (status === 'pass') return '';
  const first = assertions.find((assertion) => assertion.status === status);
  if (first !== undefined) return `${first.title}: ${first.observed}`;
  return assertions.length === 0 ? 'nothing was examined' : noClaimHeld;
}
