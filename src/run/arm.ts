import { hostTime } from '../base/host-time.ts';
import { armFolder, transitionMs, type ArmResult, type ArmSpec } from '../claims/arm.ts';
import type { RunContext } from '../claims/context.ts';
import { figuresOf, loadFacts, seriesOf } from '../claims/figures.ts';
import { within, type Window } from '../base/window.ts';
import type { EvidencePath } from '../evidence/path.ts';
import { evidencePath } from '../evidence/store.ts';
import { faultEntry } from '../faults/index.ts';
import type { ActiveFault, FaultReceipt, LedgerEntry } from '../faults/fault.ts';
import { summarizeLedger } from '../judge/ledger.ts';
import { signalTable, type SignalSources } from '../judge/signal-table.ts';
import { clientName } from '../lab/client.ts';
import { type LoadResult, type PreparedLoad } from '../load/load.ts';
import type { PressureFacts } from '../observe/pressure/pressure.ts';
import { snapshotDeltas } from '../observe/telemetry/delta.ts';
import type { ProxySnapshot } from '../observe/telemetry/snapshot.ts';
import type { PhaseReport } from '../report/model.ts';
import { appEvidence, type AppLook } from './app-looks.ts';
import type { Engine } from './engine.ts';
import { until } from './phases.ts';
import { prepareFaults, type PreparedFaults } from './prepare-faults.ts';
import type { Place } from './start-line.ts';

/** Longest time for a fault to come into force and to be taken back while k6 goes on: it is told to end before that is over. */
const onsetBudgetMs = 120_000;
/** A fault that nobody took back takes itself out this long after the load should have ended. */
const deadManGraceMs = 60_000;

/**
 * Runs one arm: load clients, captures, looks at the proxies, load, the faults of its timeline, and the evidence of all of
 * it. Its policies are in force already. Whatever it started is taken back when it returns or throws, last first.
 *
 * @param place where it waits, with all prepared, for the arms that run beside it
 */
export async function runArm(spec: ArmSpec, engine: Engine, place?: Place): Promise<ArmResult> {
  const { context, events, means } = engine;
  const { evidence, progress, clock } = context;
  const { scenario, name } = spec;
  const path = (file: string): EvidencePath => evidencePath(scenario, armFolder(spec), file);
  return progress.step(`${scenario}: ${name}`, async (detail) => {
    events.emit({ type: 'arm-started', scenario, arm: name });
    const durationMs = durationOf(spec);
    detail('load clients');
    await using load = await means.prepareLoad(
      {
        client: clientName,
        namespace: spec.app.namespace,
        targets: [...spec.load.targets],
        rps: spec.load.rps,
        pods: spec.load.clients,
        durationMs,
        maxVUs: spec.load.maxVUs,
        requestTimeoutMs: spec.load.requestTimeoutMs,
        script: spec.load.script,
        // An Envoy that lived before resumes its TLS sessions, and a capture of it shows no certificates.
        ...(spec.captures && { freshPods: true }),
        ...(spec.load.token !== undefined && { plantedToken: spec.load.token }),
      },
      engine.loadContext(spec.app),
    );
    if (spec.captures) detail('captures');
    await using captures =
      spec.captures &&
      (await means.captureEdges(
        { scenario, arm: armFolder(spec), edges: spec.captures.edges, app: spec.app, clients: load.pods },
        context,
      ));
    if (spec.captures) {
      detail('fresh handshakes');
      await spec.captures.fresh(load.pods);
    }
    const watched = [
      // An unmeshed client has no proxy.
      ...(spec.app.meshed ? load.pods : []).map((pod) => ({ pod, service: clientName })),
      ...(
        await Promise.all(
          spec.watch.map(async (service) => (await spec.app.pods(service)).map((pod) => ({ pod, service }))),
        )
      ).flat(),
    ];
    const looks: Record<'start' | 'faultStart' | 'faultEnd' | 'end', ProxySnapshot[]> = {
      start: await means.proxySnapshots(watched, context),
      faultStart: [],
      faultEnd: [],
      end: [],
    };
    const witnesses = spec.witnesses;
    const appStart = witnesses && (await means.appLook(spec.app, witnesses, context));
    if (spec.timeline.length > 0) detail('faults');
    await using faults = await prepareFaults(spec, engine, durationMs + deadManGraceMs);
    await place?.arrive();
    await using pressure = await means.startPressure({ clock });
    const judgedFromMs = clock.now();
    const running = await load.start();
    const start = running.startedAt;
    detail('baseline');
    events.emit({ type: 'phase-started', scenario, arm: name, phase: 'baseline' });
    let windows: ArmResult['windows'] | undefined;
    try {
      if (spec.timeline.length > 0) {
        windows = await faultPhase(spec, start, faults, engine, {
          detail,
          look: async (when) => {
            looks[when] = await means.proxySnapshots(watched, context);
          },
        });
      }
      // A fault that took its time has lengthened the load; once it has recovered, nothing more is to be learnt.
      const result = await (windows === undefined ? running.finish() : running.finishNow());
      const lastMs = result.samples.reduce((last, sample) => Math.max(last, hostTime(sample)), start);
      const whole = { fromMs: start, toMs: lastMs + 1 };
      windows = windows
        ? { ...windows, recovery: { ...windows.recovery, toMs: Math.max(windows.recovery.fromMs, lastMs + 1) } }
        : { baseline: whole, fault: whole, recovery: { fromMs: lastMs + 1, toMs: lastMs + 1 } };
      looks.end = await means.proxySnapshots(watched, context);
      const appEnd = witnesses && (await means.appLook(spec.app, witnesses, context));
      const captured = await captures?.finish(judgedFromMs);
      const arm = await evidenceOf({
        spec,
        start,
        windows,
        looks,
        faults: faults.active,
        result,
        clocks: load.clocks,
        captured,
        pressure: await pressure.stop(),
        apps: appStart && appEnd && { start: appStart, end: appEnd },
        path,
        evidence,
      });
      load.keepPods();
      return arm;
    } finally {
      events.emit({ type: 'arm-ended', scenario, arm: name });
    }

    function durationOf({ baselineMs, recoveryMs, timeline }: ArmSpec): number {
      if (timeline.length === 0) return baselineMs;
      const end = Math.max(...timeline.map(({ atMs, forMs }) => atMs + forMs));
      const holdMs = Math.max(...timeline.map(({ fault }) => faultEntry(fault.kind).holdsMs(fault)));
      return end + recoveryMs + onsetBudgetMs + holdMs;
    }
  });
}

interface FaultPhase {
  detail: (text: string) => void;
  look: (when: 'faultStart' | 'faultEnd') => Promise<void>;
}

/** The faults of the timeline, each at its time; several may be in force at once. Their ends are counted from the last onset. */
async function faultPhase(
  { scenario, name, timeline, recoveryMs }: ArmSpec,
  start: number,
  faults: PreparedFaults,
  engine: Engine,
  { detail, look }: FaultPhase,
): Promise<ArmResult['windows']> {
  const { context, events } = engine;
  const { clock, signal } = context;
  const beginning = faults.begin(start);
  // It is waited for below, and may fail before.
  beginning.catch(() => undefined);
  await until(start + Math.min(...timeline.map(({ atMs }) => atMs)), clock, signal);
  const asked = clock.now();
  events.emit({ type: 'phase-started', scenario, arm: name, phase: 'fault' });
  detail(`bringing ${[...new Set(timeline.map(({ fault }) => fault.kind))].join(', ')} into force`);
  const began = await beginning;
  const inForce = Math.max(...began.map(({ inForceAt }) => inForceAt));
  const window: Window = {
    fromMs: inForce + transitionMs,
    toMs: inForce + transitionMs + Math.min(...began.map(({ forMs }) => forMs)),
  };
  detail(`fault, ${Math.round((window.toMs - window.fromMs) / 1000)} s`);
  // Both looks belong to the window: what the proxies counted while the fault came into force is not in k6's figures either.
  await until(window.fromMs, clock, signal);
  await look('faultStart');
  await until(window.toMs, clock, signal);
  await look('faultEnd');
  await Promise.all(
    began.map(async ({ active, forMs }) => {
      await until(inForce + transitionMs + forMs, clock, signal);
      await active.lift();
      events.emit({ type: 'fault-ended', scenario, arm: name, kind: active.spec.kind, target: active.spec.target });
    }),
  );
  const lifted = clock.now();
  detail('recovery');
  events.emit({ type: 'phase-started', scenario, arm: name, phase: 'recovery' });
  // Requests that the fault holds are answered before its undo ends, and k6 is not to be cut off from them.
  await Promise.all([
    until(lifted + transitionMs + recoveryMs, clock, signal),
    ...began.map(({ active }) => active.undo()),
  ]);
  return {
    baseline: { fromMs: start + transitionMs, toMs: asked },
    fault: window,
    recovery: { fromMs: lifted + transitionMs, toMs: lifted + transitionMs },
  };
}

interface Seen {
  spec: ArmSpec;
  start: number;
  windows: ArmResult['windows'];
  looks: Record<'start' | 'faultStart' | 'faultEnd' | 'end', ProxySnapshot[]>;
  faults: readonly ActiveFault[];
  result: LoadResult;
  clocks: PreparedLoad['clocks'];
  captured: ArmResult['captures'];
  pressure: PressureFacts;
  apps: { start: AppLook; end: AppLook } | undefined;
  path: (file: string) => EvidencePath;
  evidence: RunContext['evidence'];
}

/** Writes what the arm saw; judging reads nothing else. */
async function evidenceOf(seen: Seen): Promise<ArmResult> {
  const { spec, start, windows, looks, faults, result, clocks, captured, pressure, apps, path, evidence } = seen;
  const faulty = faults.length > 0;
  const ledger = (await Promise.all(faults.map((fault) => fault.ledger()))).flat();
  const receipts = (await Promise.all(faults.map((fault) => fault.receipts()))).flat();
  const { problems } = snapshotDeltas(looks.start, looks.end);
  await evidence.text(path('k6.txt'), result.summary);
  await evidence.json(path('clocks.json'), clocks);
  const atStart = await evidence.json(path('proxy-start.json.gz'), looks.start);
  const atEnd = await evidence.json(path('proxy-end.json.gz'), looks.end);
  const proxy = {
    start: atStart,
    faultStart: faulty ? await evidence.json(path('proxy-fault-start.json.gz'), looks.faultStart) : atStart,
    faultEnd: faulty ? await evidence.json(path('proxy-fault-end.json.gz'), looks.faultEnd) : atEnd,
    end: atEnd,
  };
  const load = {
    load: await evidence.ndjson(path('load.ndjson.gz'), result.samples),
    loadFacts: await evidence.json(path('load.json'), loadFacts(result)),
  };
  const appLooks = apps && (await appEvidence(apps, { path, evidence }));
  // Of the fault's window (of all the load where there was no fault), by the proxies and by the client.
  const sources: SignalSources = {
    ...load,
    phase: spec.timeline.length > 0 ? 'fault' : 'baseline',
    proxy: { before: proxy.faultStart, after: proxy.faultEnd },
    window: windows.fault,
    client: clientName,
    targets: [...new Set(spec.load.targets.map((target) => target.name))],
    ...(apps && appLooks && { usage: { ...appLooks.usage, pods: apps.end.pods } }),
  };
  await evidence.json(path('signals.json'), sources);
  return {
    spec,
    windows,
    ...load,
    pressure: await evidence.json(path('pressure.json.gz'), pressure),
    ...(faulty && {
      ledger: await evidence.ndjson(path('ledger.ndjson.gz'), ledger),
      receipts: await evidence.json(path('faults.json'), receipts),
    }),
    proxy,
    proxyProblems: await evidence.json(path('proxy-problems.json'), problems),
    meshMetrics: [...new Set(looks.end.map(({ service }) => service))].filter((service) =>
      looks.end.every((look) => look.service !== service || look.meshMetrics !== undefined),
    ),
    captures: captured,
    apps: appLooks,
    signals: await signalTable({ scenario: spec.scenario, arm: armFolder(spec) }, sources, evidence.reader),
    report: { name: spec.name, phases: phasesOf(seen, ledger), faults: receipts satisfies FaultReceipt[], wire: [] },
  };

  function phasesOf({ windows }: Seen, entries: LedgerEntry[]): PhaseReport[] {
    const names = faulty ? (['baseline', 'fault', 'recovery'] as const) : (['baseline'] as const);
    return names.map((phase) => ({
      name: phase,
      startedAt: new Date(windows[phase].fromMs).toISOString(),
      endedAt: new Date(windows[phase].toMs).toISOString(),
      load: figuresOf(result, windows[phase]),
      ...(phase === 'fault' && {
        ledger: summarizeLedger(entries.filter((entry) => within(windows.fault, hostTime(entry)))),
      }),
      series: seriesOf(result, windows[phase], start),
    }));
  }
}
