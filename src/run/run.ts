import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { App } from '../apps/app.ts';
import type { Assertion, Status } from '../judge/assertion.ts';
import type { RuleInputs } from '../judge/recompute.ts';
import { systemClock } from '../base/clock.ts';
import { MeshproofError, toMeshproofError } from '../base/errors.ts';
import type { Progress, Timing } from '../base/progress.ts';
import type { HealthResult } from '../observe/health/health.ts';
import type { RunReport, ScenarioReport } from '../report/model.ts';
import { writeReport } from '../report/write-report.ts';
import type { Scenario } from '../scenario/schema.ts';
import { criteria } from '../judge/verdict/criteria.ts';
import { judgeArm } from '../judge/verdict/judge-arm.ts';
import { statusOf } from '../judge/verdict/status-of.ts';
import { verdict } from '../judge/verdict/verdict.ts';
import type { ExperimentResult, RunContext } from './context.ts';
import { openEvidence, type Evidence } from '../evidence/store.ts';
import { runHealth } from '../claims/health.ts';
import { runResilience } from '../claims/resilience.ts';
import { runSameCode } from '../claims/same-code.ts';
import { runSignals } from '../claims/signals.ts';
import { runWire } from '../claims/wire.ts';
import { hostFacts, toolFacts } from './host-facts.ts';
import { Judging } from './judging.ts';
import type { Lab } from '../lab/lab.ts';
import { healthOfBrokenWorkload, labHealth, plantBrokenWorkload } from '../lab/lab-health.ts';
import { openLab } from '../lab/open-lab.ts';
import { UndoStack, type UndoOutcome } from './undo.ts';

export interface RunOptions {
  scenarios: Scenario[];
  app: App;
  cluster: 'auto' | 'embedded';
  mesh: 'consul';
  /** A lab left by `up`; otherwise the run makes its own and deletes it. */
  lab?: string;
  keep: boolean;
  reportsDir: string;
  command: string[];
  timings: Timing[];
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
const cleanupBudgetMs = 60_000;

/**
 * The whole run: lab, health before, experiments, health after, cleanup, report. Whatever happens, there is a report that
 * says so, and a clean machine.
 */
export async function run(options: RunOptions): Promise<RunOutcome> {
  const { progress, signal, timings, scenarios } = options;
  const clock = systemClock;
  const started = clock.now();
  const runId = `${new Date(started)
    .toISOString()
    .replaceAll(/[-:]|\.\d+Z/g, '')
    .replace('T', '-')}-${randomBytes(2).toString('hex')}`;
  const dir = join(options.reportsDir, runId);
  const evidence = await openEvidence(dir);
  const judging = new Judging(evidence.reader);
  const parts: Parts = { scenarios: [], assertions: judging.assertions, signals: [], errors: [], health: {} };
  let lab: Lab | undefined;
  let undo: UndoStack | undefined;
  let facts: Pick<RunReport, 'cluster' | 'mesh'> = {};
  let mechanisms: Record<string, string> = {};
  const fail: Fail = (error, scenario) => {
    const known = toMeshproofError(signal.aborted ? signal.reason : error);
    const { code, message, hint } = known;
    if (!parts.errors.some((other) => other.code === code && other.message === message))
      parts.errors.push({ code, message, hint, ...(scenario !== undefined && { scenario }) });
    return known;
  };
  // What meshproof itself left behind says nothing about the mesh: no conclusion, and an error of the environment.
  const cleaned = judging.on({ prefix: 'run', role: 'validity' });
  const clean: Clean = async (what, title, left, hint) => {
    const { status, observed } = await cleaned(what, title, 'list-empty', left, hint);
    if (status !== 'pass') fail(new MeshproofError('MESHPROOF_CLEANUP', `not so: ${title}: ${observed}`, hint));
  };
  try {
    const open = await openLab({ ...options, runId, stay: options.keep });
    lab = open;
    mechanisms = open.mechanisms;
    const stack = new UndoStack(join(open.stateDir, 'journal.ndjson'), clock);
    undo = stack;
    const context: RunContext = {
      lab: open,
      evidence,
      undo: stack,
      progress,
      signal,
      clock,
      canary: `meshproof-canary-${randomBytes(8).toString('hex')}`,
    };
    facts = await open.facts();
    const residueBefore = await open.residue();
    const before = await progress.step('health before', () => labHealth(context));
    parts.health.before = before;
    const beforePath = await evidence.json('evidence/health-before.json', before);
    const judgesHealth = scenarios.some(({ experiment }) => experiment === 'health');
    if (judgesHealth) await plantBrokenWorkload(context);
    for (const scenario of scenarios.filter(({ experiment }) => experiment !== 'health')) {
      if (signal.aborted) break;
      parts.scenarios.push(await runScenario(scenario, context, parts, fail));
    }
    if (!signal.aborted) {
      const broken = judgesHealth ? await healthOfBrokenWorkload(context) : undefined;
      // Before pods are replaced: they would take along what a fault left in them.
      const residueAfter = await open.residue();
      const outcomes = await progress.step('taking everything back', () => stack.runAll(cleanupBudgetMs));

      await open.settle(context);
      const after = await progress.step('health after', () => labHealth(context, before));
      parts.health.after = after;
      const afterPath = await evidence.json('evidence/health-after.json', after);
      for (const scenario of scenarios) {
        if (scenario.experiment !== 'health' || broken === undefined || signal.aborted) continue;
        parts.scenarios.push(
          await guarded(scenario, parts, fail, clock.monotonicMs(), () =>
            runHealth(scenario, context, { before: beforePath, after: afterPath, broken }),
          ),
        );
      }
      await judgeCleanup(outcomes, evidence, clean);
      await judgeResidue({ before: residueBefore, after: residueAfter }, evidence, clean);
    }
  } catch (error) {
    fail(error);
  } finally {
    const deletes = lab?.owned === true;
    try {
      const outcomes = (await undo?.runAll(cleanupBudgetMs, deletes ? 'host' : undefined)) ?? [];
      // Of a run that was cut short too.
      if (outcomes.length > 0 && !judging.assertions.some(({ id }) => id === 'run/cleanup'))
        await judgeCleanup(outcomes, evidence, clean);
    } catch (error) {
      fail(error);
    }
    if (lab !== undefined && deletes) {
      try {
        const made = lab;
        await progress.step('deleting the lab', () => made.delete());
        const left = await made.remains();
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
  }
  const order = new Map(scenarios.map(({ id }, index) => [id, index]));
  parts.scenarios.sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
  const definitions = new Map(scenarios.map(({ criterion }) => [criterion.id, criterion]));
  const judged = criteria(parts.scenarios, [...definitions.values()]);
  const interrupted = options.interrupted();
  const report: RunReport = {
    schemaVersion: 1,
    tool: await toolFacts(),
    runId,
    seed: 0,
    startedAt: new Date(started).toISOString(),
    durationMs: Math.round(clock.now() - started),
    command: options.command,
    host: hostFacts(mechanisms),
    ...facts,
    verdict: verdict({ ...parts, criteria: judged, interrupted }),
    criteria: judged,
    ...parts,
    timings,
    evidence: [],
  };
  await writeReport(dir, report);
  return { report, dir, ...(lab !== undefined && !lab.owned && { keptLab: lab.name }) };
}

type Parts = Pick<RunReport, 'scenarios' | 'assertions' | 'signals' | 'errors'> & {
  health: { before?: HealthResult; after?: HealthResult };
};
/** Notes an error for the report, and tells what it comes down to. */
type Fail = (error: unknown, scenario?: string) => MeshproofError;

async function runScenario(scenario: Scenario, context: RunContext, parts: Parts, fail: Fail): Promise<ScenarioReport> {
  return guarded(scenario, parts, fail, context.clock.monotonicMs(), () => {
    switch (scenario.experiment) {
      case 'resilience':
        return runResilience(scenario, context);
      case 'wire':
        return runWire(scenario, context);
      case 'signals':
        return runSignals(scenario, context);
      case 'same-code':
        return runSameCode(scenario, context);
      case 'health':
        throw new MeshproofError(
          'MESHPROOF_INTERNAL',
          'the health scenario is judged at the end',
          'Please report this.',
        );
    }
  });
}

/** A scenario that breaks off is an `error` of that scenario, one that is interrupted has no conclusion; the others still run. */
async function guarded(
  scenario: Scenario,
  parts: Parts,
  fail: Fail,
  start: number,
  work: () => Promise<ExperimentResult>,
): Promise<ScenarioReport> {
  const base = { id: scenario.id, title: scenario.title, criterion: scenario.criterion.id };
  const durationMs = (): number => Math.round(systemClock.monotonicMs() - start);
  try {
    const { arms, assertions, signals } = await work();
    parts.signals.push(...signals);
    const status = statusOf(assertions.map((assertion) => assertion.status));
    return {
      ...base,
      status,
      reason: reasonOf(status, assertions),
      durationMs: durationMs(),
      arms: arms.map((arm) => judgeArm(arm, assertions)),
      assertions,
    };
  } catch (error) {
    const { code, message } = fail(error, scenario.id);
    const status = code === 'MESHPROOF_INTERRUPTED' ? 'invalid' : 'error';
    return { ...base, status, reason: message, durationMs: durationMs(), arms: [], assertions: [] };
  }
}

function reasonOf(status: Status, assertions: readonly Assertion[]): string {
  if (status === 'pass') return '';
  const first = assertions.find((assertion) => assertion.status === status);
  return first === undefined ? 'nothing was examined' : `${first.title}: ${first.observed}`;
}

/** Judges that a list of leftovers in the evidence is empty. */
type Clean = (what: string, title: string, left: RuleInputs['list-empty'], hint: string) => Promise<void>;

async function judgeCleanup(outcomes: UndoOutcome[], evidence: Evidence, clean: Clean): Promise<void> {
  const failures = outcomes.filter(({ ok }) => !ok).map(({ what, error }) => `${what}: ${error ?? 'failed'}`);
  const undone = await evidence.json('evidence/cleanup.json', { outcomes, failures });
  await clean(
    'cleanup',
    'Everything that was changed was taken back',
    { path: undone, pointer: '/failures' },
    'See cleanup.json; `./bin/meshproof down` removes the lab.',
  );
}

async function judgeResidue(
  { before, after }: { before: string[]; after: string[] },
  evidence: Evidence,
  clean: Clean,
): Promise<void> {
  const added = after.filter((line) => !before.includes(line));
  const residue = await evidence.json('evidence/residue.json', { before, after, added });
  await clean(
    'residue',
    'No fault is left in any pod',
    { path: residue, pointer: '/added' },
    'See residue.json: rules, processes and containers that were not there before.',
  );
}
