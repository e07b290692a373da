import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { MeshproofError, toMeshproofError } from '../base/errors.ts';
import { timedProgress, type Progress, type Timing } from '../base/progress.ts';
import { capabilitiesOfRun } from '../capabilities/of-run.ts';
import type { RunContext } from '../claims/context.ts';
import { Judging, type Check } from '../claims/judging.ts';
import { lockLab } from '../clusters/lab-lock.ts';
import { openEvidence, type Evidence } from '../evidence/store.ts';
import type { RuleInputs } from '../judge/recompute.ts';
import { criteria } from '../judge/verdict/criteria.ts';
import { verdict } from '../judge/verdict/verdict.ts';
import type { Lab } from '../lab/lab.ts';
import { labHealth } from '../lab/lab-health.ts';
import { leaveLab } from '../lab/leave-lab.ts';
import { openLab, throwAwayName, type OpenLabOptions } from '../lab/open-lab.ts';
import type { HealthResult } from '../observe/health/health.ts';
import type { RunReport } from '../report/model.ts';
import { writeReport } from '../report/write-report.ts';
import { capabilityMatrix } from '../scenario/capability-matrix.ts';
import type { Scenario } from '../scenario/schema.ts';
import { triedOf } from '../scenario/tried.ts';
import { Engine } from './engine.ts';
import { eventfulProgress, openEvents, type Events } from './events.ts';
import { hostFacts, toolFacts } from './host-facts.ts';
import { injectorsOf } from './injectors.ts';
import { Rollback, type RollbackOutcome } from './rollback.ts';
import { runIdAt } from './run-id.ts';
import { takeBackLeftovers } from './take-back-leftovers.ts';
import { planTrials, waves, type PlannedTrial } from './trials.ts';
import { SecondTries } from './second-try.ts';
import { runWave, type TrialOutcome } from './wave.ts';

export interface RunOptions extends Pick<OpenLabOptions, 'cluster' | 'nodes' | 'mesh' | 'ownMesh' | 'lab' | 'app'> {
  scenarios: readonly Scenario[];
  keep: boolean;
  /** A lab that whoever calls has opened and locked, and leaves by himself: nothing else is opened. */
  opened?: Lab | undefined;
  reportsDir: string;
  command: string[];
  progress: Progress;
  signal: AbortSignal;
  interrupted: () => boolean;
}

export interface RunOutcome {
  report: RunReport;
  dir: string;
  /** The lab that is still up, by name (`--keep`, or one that was there before). */
  keptLab?: string;
}

/** Taking everything back has its own budget: it also works after the deadline and after Ctrl-C. */
const cleanupBudgetMs = 180_000;

type Parts = Pick<RunReport, 'scenarios' | 'assertions' | 'signals' | 'errors'> & {
  health: { before?: HealthResult; after?: HealthResult };
};
/** Notes an error for the report, and tells what it comes down to. */
type Fail = (error: unknown, scenario?: string) => MeshproofError;
/** Judges that a list of leftovers in the evidence is empty. */
type Clean = (what: string, title: string, left: RuleInputs['list-empty'], hint: string) => Promise<void>;

/**
 * The whole run: lab, health before, experiments, health after, cleanup, report. Whatever happens, there is a report that
 * says so, and a clean machine.
 *
 * @throws MeshproofError MESHPROOF_LAB_BUSY when another process uses the lab: then nothing was done, and there is no report
 */
export async function run(options: RunOptions): Promise<RunOutcome> {
  const { signal, scenarios, opened } = options;
  const timings: Timing[] = [];
  const clock = systemClock;
  const started = clock.now();
  const runId = runIdAt(started);
  await using _lock = opened === undefined ? await lockLab(options.lab ?? throwAwayName(runId), 'run') : undefined;
  const dir = join(options.reportsDir, runId);
  const evidence = await openEvidence(dir);
  const events = openEvents(join(dir, 'events.ndjson'), clock);
  const progress = eventfulProgress(timedProgress(options.progress, timings), events, clock);
  const judging = new Judging(evidence.reader);
  const parts: Parts = { scenarios: [], assertions: judging.assertions, signals: [], errors: [], health: {} };
  const fail: Fail = (error, scenario) => {
    const known = toMeshproofError(signal.aborted ? signal.reason : error);
    const { code, message, hint } = known;
    if (!parts.errors.some((other) => other.code === code && other.message === message))
      parts.errors.push({ code, message, hint, ...(scenario !== undefined && { scenario }) });
    return known;
  };
  const clean = cleanWith(judging.on({ prefix: 'run', role: 'validity' }), fail);
  let lab: Lab | undefined;
  let rollback: Rollback | undefined;
  let facts: Pick<RunReport, 'cluster' | 'mesh'> = {};
  try {
    lab = opened ?? (await openLab({ ...options, progress, runId, stay: options.keep }));
    events.emit({
      type: 'run-started',
      runId,
      scenarios: scenarios.map(({ id }) => id),
      mesh: lab.mesh.name,
      app: lab.app.app.id,
    });
    if (opened !== undefined || !lab.owned) await takeBackLeftovers(lab, progress);
    rollback = new Rollback({
      journal: join(lab.stateDir, 'journal.ndjson'),
      injectors: injectorsOf(lab),
      clock,
      onChange: (event) => events.emit({ type: 'rollback', ...event }),
    });
    facts = await lab.facts();
    const health: { before?: string; after?: string } = {};
    const context: RunContext = {
      lab,
      evidence,
      rollback,
      progress,
      signal,
      clock,
      token: `meshproof-token-${randomBytes(8).toString('hex')}`,
      health: () => {
        const { before, after } = health;
        if (before === undefined || after === undefined) throw new TypeError('health was not looked at yet');
        return { before, after };
      },
    };
    await experiments({
      options,
      context,
      engine: new Engine(context, events),
      judging,
      parts,
      health,
      evidence,
      fail,
      clean,
    });
  } catch (error) {
    fail(error);
  } finally {
    const leaves = opened === undefined;
    await cleanUp({ lab, leaves, rollback, evidence, progress, fail, clean });
  }
  const order = new Map(scenarios.map(({ criterion }, index) => [criterion.id, index]));
  parts.scenarios.sort((a, b) => (order.get(a.criterion) ?? 0) - (order.get(b.criterion) ?? 0));
  const definitions = new Map(scenarios.map(({ criterion }) => [criterion.id, criterion]));
  const judged = criteria(parts.scenarios, [...definitions.values()]);
  const final = verdict({ ...parts, criteria: judged, interrupted: options.interrupted() });
  await endEvents(events, final, options.progress);
  const report: RunReport = {
    schemaVersion: 1,
    tool: await toolFacts(),
    runId,
    seed: 0,
    startedAt: new Date(started).toISOString(),
    durationMs: Math.round(clock.now() - started),
    command: options.command,
    host: hostFacts(lab?.mechanisms ?? {}),
    ...facts,
    verdict: final,
    criteria: judged,
    ...parts,
    ...(lab !== undefined && {
      capabilities: capabilitiesOfRun(await capabilityMatrix([lab.meshEntry]), parts),
    }),
    timings,
    evidence: [],
  };
  await writeReport(dir, report);
  return { report, dir, ...(lab !== undefined && (opened !== undefined || !lab.owned) && { keptLab: lab.name }) };
}

/** What meshproof itself left behind says nothing about the mesh: no conclusion, and an error of the environment. */
function cleanWith(check: Check, fail: Fail): Clean {
  return async (what, title, left, hint) => {
    const { status, observed } = await check(what, title, 'list-empty', left, hint);
    if (status !== 'pass') fail(new MeshproofError('MESHPROOF_CLEANUP', `not so: ${title}: ${observed}`, hint));
  };
}

interface Experiments {
  options: RunOptions;
  context: RunContext;
  engine: Engine;
  judging: Judging;
  parts: Parts;
  health: { before?: string; after?: string };
  evidence: Evidence;
  fail: Fail;
  clean: Clean;
}

/** Health, the trials in waves, everything taken back, and health again. */
async function experiments({
  options,
  context,
  engine,
  judging,
  parts,
  health,
  evidence,
  fail,
  clean,
}: Experiments): Promise<void> {
  const { lab, progress, signal } = context;
  const planned = planTrials(options.scenarios, lab.app.app);
  const atEnd = planned.filter(({ claim }) => claim.when === 'end');
  const before = await progress.step('health before', () => labHealth(context));
  parts.health.before = before;
  health.before = await evidence.json('evidence/health-before.json', before);
  const take = (outcomes: readonly TrialOutcome[]): void => {
    for (const { report, signals, error } of outcomes) {
      parts.scenarios.push(report);
      parts.signals.push(...signals);
      if (error !== undefined) fail(error, report.id);
    }
  };
  if (lab.startFindings.length > 0) {
    const path = await evidence.json('evidence/start-findings.json', lab.startFindings);
    for (const one of planned) take([await notStarted(one, path, evidence)]);
    await judging.on({ prefix: 'run' })(
      'workloads',
      `Every workload of ${lab.app.app.title} works in the mesh`,
      'list-empty',
      { path },
      startHint,
    );
    return;
  }
  for (const { claim } of atEnd) await claim.begin?.(context);
  const inOrder = (trials: readonly PlannedTrial[]): PlannedTrial[][] => waves(trials, lab.app.app);
  const tries = new SecondTries(engine);
  for (const wave of inOrder(planned.filter(({ claim }) => claim.when === undefined))) {
    if (signal.aborted) return;
    take(await tries.run(wave));
  }
  if (signal.aborted) return;
  // What claims of the end look at is there until everything is taken back; they are judged after that.
  const prepared = await Promise.all(atEnd.map(async (one) => prepareEnd(one, context)));
  // Before pods are replaced: they would take along what a fault left in them.
  const left = await engine.residue();
  await judgeResidue(left, evidence, clean);
  await progress.step('taking everything back', async () => {
    await engine.replaceTouched();
    await (context.rollback as Rollback).runAll(cleanupBudgetMs);
  });
  await lab.settle(signal);
  const after = await progress.step('health after', () => labHealth(context, before));
  parts.health.after = after;
  health.after = await evidence.json('evidence/health-after.json', after);
  for (const one of prepared) take(await runWave([one], engine));
}

/** A claim of the end with what it saw before everything was taken back. */
async function prepareEnd(one: PlannedTrial, context: RunContext): Promise<PlannedTrial> {
  const seen = one.claim.arms(one.trial, context);
  await seen.catch(() => undefined);
  return { ...one, claim: { ...one.claim, arms: () => seen } };
}

const startHint = 'The mesh keeps calls from getting through: mend the edge that is named, then run again.';

/** A trial on an app that the mesh keeps from working: it fails by what was found, and nothing else was tried. */
async function notStarted({ trial, claim }: PlannedTrial, path: string, evidence: Evidence): Promise<TrialOutcome> {
  const judging = new Judging(evidence.reader);
  const { status, observed, title } = await judging.on({ prefix: trial.id, arm: 'treatment' })(
    'workloads',
    'Every workload of the app works in the mesh',
    'list-empty',
    { path },
    startHint,
  );
  const { id, title: scenario } = trial;
  const report = {
    id,
    title: scenario,
    criterion: trial.scenario.criterion.id,
    tried: triedOf(trial.scenario, trial.subject, claim),
    status,
    reason: `${title}: ${observed}`,
    durationMs: 0,
    arms: [],
    assertions: judging.assertions,
  };
  return { report, signals: [], machine: [] };
}

interface CleanUp {
  lab: Lab | undefined;
  /** The run is done with the lab. */
  leaves: boolean;
  rollback: Rollback | undefined;
  evidence: Evidence;
  progress: Progress;
  fail: Fail;
  clean: Clean;
}

/** Whatever became of the run: what is left to take back, how that went, and the lab if it is ours. */
async function cleanUp({ lab, leaves, rollback, evidence, progress, fail, clean }: CleanUp): Promise<void> {
  const goes = leaves && lab?.owned === true;
  try {
    const outcomes = (await rollback?.runAll(cleanupBudgetMs, goes ? 'host' : undefined)) ?? [];
    if (outcomes.length > 0) await judgeCleanup(outcomes, evidence, clean);
  } catch (error) {
    fail(error);
  }
  if (lab === undefined || !leaves) return;
  try {
    const left = await leaveLab(lab, progress);
    if (!goes) return;
    const path = await evidence.json('evidence/lab-residue.json', left);
    await clean(
      'lab-residue',
      'The deleted lab left nothing on this machine',
      { path },
      'Run `./bin/meshproof down --all`.',
    );
  } catch (error) {
    fail(error);
  }
}

async function judgeCleanup(outcomes: readonly RollbackOutcome[], evidence: Evidence, clean: Clean): Promise<void> {
  const failures = outcomes.filter(({ ok }) => !ok).map(({ what, error }) => `${what}: ${error ?? 'failed'}`);
  const undone = await evidence.json('evidence/cleanup.json', { outcomes, failures });
  await clean(
    'cleanup',
    'Everything that was changed was taken back',
    { path: undone, pointer: '/failures' },
    'See cleanup.json; `./bin/meshproof down` removes the lab.',
  );
}

async function judgeResidue(left: string[], evidence: Evidence, clean: Clean): Promise<void> {
  const residue = await evidence.json('evidence/residue.json', { left });
  await clean(
    'residue',
    'No fault is left in any pod',
    { path: residue, pointer: '/left' },
    'See residue.json: rules, processes and containers of faults.',
  );
}

async function endEvents(
  events: Events,
  { status, exitCode, summary }: RunReport['verdict'],
  progress: Progress,
): Promise<void> {
  events.emit({ type: 'run-ended', verdict: { status, exitCode, summary } });
  const { lost } = await events.close();
  if (lost !== undefined) progress.warn(`events.ndjson is not whole: ${lost}`);
}
