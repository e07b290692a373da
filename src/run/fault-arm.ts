import type { EvidencePath } from '../evidence/path.ts';
import { within, type Window } from '../base/window.ts';
import { startFault } from '../faults/start-fault.ts';
import type { LedgerEntry } from '../faults/fault.ts';
import { summarizeLedger } from '../judge/ledger.ts';
import type { LoadResult } from '../load/load.ts';
import { figuresOf, loadFacts, seriesOf } from './figures.ts';
import { prepareLoad } from '../load/prepare-load.ts';
import type { PhaseReport } from '../report/model.ts';
import type { ResilienceScenario } from '../scenario/schema.ts';
import { goldenSignals, loadSignals, type GoldenSignals } from '../observe/telemetry/golden.ts';
import { snapshotDeltas } from '../observe/telemetry/delta.ts';
import type { RunArm } from '../judge/verdict/judge-arm.ts';
import { evidencePath } from '../evidence/store.ts';
import type { RunContext } from './context.ts';
import { dataCallTarget } from './lab-load.ts';
import { applyArmPolicies } from './policies.ts';
import { proxySnapshots } from './proxies.ts';
import { transitionMs, until } from './phases.ts';

/** What one arm of a resilience experiment left behind, for the judges. */
export interface ArmEvidence {
  report: RunArm;
  /** Service name of the load client. */
  client: string;
  windows: Record<'baseline' | 'fault' | 'recovery', Window>;
  load: EvidencePath;
  loadFacts: EvidencePath;
  ledger: EvidencePath;
  receipts: EvidencePath;
  /** Looks at the proxies right before the fault and after the last request. */
  proxy: { before: EvidencePath; after: EvidencePath };
  signals: GoldenSignals[];
}

/** Time for a fault to come into force and to be taken back while k6 goes on; the rest of it lengthens the recovery. */
const onsetBudgetMs = 5000;

/** Runs one arm: policies, load, baseline, fault, recovery; everything is taken back when it returns or throws. */
export async function runFaultArm(
  scenario: ResilienceScenario,
  name: 'control' | 'treatment',
  context: RunContext,
): Promise<ArmEvidence> {
  const { lab, evidence, progress, clock, signal } = context;
  const arm = scenario.arms[name];
  const path = (file: string): EvidencePath => evidencePath(scenario.id, name, file);
  const seconds = arm.phaseSeconds;
  const holdMs = scenario.fault.kind === 'http-delay' ? scenario.fault.delayMs : 0;
  return progress.step(`${scenario.id}: ${name}`, async (detail) => {
    detail('policies');
    await using policies = await applyArmPolicies(scenario.load.service, arm.policies, context);
    await evidence.text(path('policies.yaml'), policies.rendered);
    const durationMs = (seconds.baseline + seconds.fault + seconds.recovery) * 1000 + onsetBudgetMs + holdMs;
    detail('load clients');
    await using load = await prepareLoad(
      {
        client: lab.client,
        namespace: lab.namespaces.meshed,
        targets: [dataCallTarget(lab.serviceNamed(scenario.load.service), lab.namespaces.meshed)],
        rps: scenario.load.rps,
        pods: scenario.load.clients,
        durationMs,
        maxVUs: scenario.load.maxVUs,
        requestTimeoutMs: scenario.load.requestTimeoutMs,
      },
      lab.loadContext(context),
    );
    const targets = await lab.readyPods(scenario.fault.target);
    const watched = [
      ...load.pods.map((pod) => ({ pod, service: lab.client })),
      ...targets.map((pod) => ({ pod, service: scenario.fault.target })),
    ];
    const running = await load.start();
    const start = running.startedAt;
    detail(`baseline, ${seconds.baseline} s`);
    await until(start + seconds.baseline * 1000, clock, signal);
    const before = await proxySnapshots(watched, context);
    const asked = clock.now();
    await lab.replaceAtTheEnd(scenario.fault.target, context);
    detail('bringing the fault into force');
    const fault = await startFault(scenario.fault, {
      ...lab.faultContext(context, scenario.fault.target, targets),
      deadManMs: durationMs + 60_000,
    });
    const inForce = clock.now();
    detail(`fault, ${seconds.fault} s`);
    const faultWindow: Window = { fromMs: inForce + transitionMs, toMs: inForce + transitionMs + seconds.fault * 1000 };
    await until(faultWindow.toMs, clock, signal);
    detail('taking the fault back');
    await fault.undo();
    const lifted = clock.now();
    detail(`recovery, ${seconds.recovery} s`);
    const result = await running.finish();
    const end = result.samples.reduce((last, sample) => Math.max(last, sample.startedAt), lifted);
    const after = await proxySnapshots(watched, context);
    const windows = {
      baseline: { fromMs: start + transitionMs, toMs: asked },
      fault: faultWindow,
      recovery: { fromMs: lifted + transitionMs, toMs: end + 1 },
    };
    const [ledger, receipts] = [await fault.ledger(), await fault.receipts()];
    const arms: ArmEvidence = {
      client: lab.client,
      windows,
      load: await evidence.ndjson(path('load.ndjson.gz'), result.samples),
      loadFacts: await evidence.json(path('load.json'), loadFacts(result)),
      ledger: await evidence.ndjson(path('ledger.ndjson.gz'), ledger),
      receipts: await evidence.json(path('faults.json'), receipts),
      proxy: {
        before: await evidence.json(path('proxy-before.json'), before),
        after: await evidence.json(path('proxy-after.json'), after),
      },
      signals: [],
      report: {
        name,
        phases: (['baseline', 'fault', 'recovery'] as const).map((phase) =>
          phaseReport(phase, windows[phase], start, result, ledger),
        ),
        faults: receipts,
        wire: [],
      },
    };
    await evidence.text(path('k6.txt'), result.summary);
    const { deltas } = snapshotDeltas(before, after);
    const labels = { scenario: scenario.id, arm: name, phase: 'fault' };
    arms.signals = [
      ...goldenSignals({ ...labels, deltas }),
      loadSignals({
        ...labels,
        source: lab.client,
        destination: scenario.load.service,
        load: figuresOf(result, windows.fault),
      }),
    ];
    return arms;
  });
}

function phaseReport(
  name: PhaseReport['name'],
  window: Window,
  start: number,
  result: LoadResult,
  ledger: LedgerEntry[],
): PhaseReport {
  const inWindow = ledger.filter((entry) => within(window, entry.startedAt));
  return {
    name,
    startedAt: new Date(window.fromMs).toISOString(),
    endedAt: new Date(window.toMs).toISOString(),
    load: figuresOf(result, window),
    ...(name === 'fault' && { ledger: summarizeLedger(inWindow) }),
    series: seriesOf(result, window, start),
  };
}
