import type { FaultReceipt, LedgerEntry } from '../../../src/faults/fault.ts';
import type { LoadSample } from '../../../src/load/load.ts';
import type { LoadFigures } from '../../../src/observe/telemetry/golden.ts';
import type { PhaseReport } from '../../../src/report/model.ts';
import { summarizeLedger } from '../../../src/judge/ledger.ts';
import { quantile } from '../../../src/base/quantile.ts';
import type { Window } from '../../../src/base/window.ts';

/** A small seeded generator (mulberry32): the same example on every machine. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface ArmPlan {
  seed: number;
  startedAt: number;
  rps: number;
  seconds: { baseline: number; fault: number; recovery: number };
  target: string;
  fault: { kind: 'abort'; share: number; retries: number } | { kind: 'delay'; delayMs: number; timeoutMs?: number };
}

export interface SimulatedArm {
  samples: LoadSample[];
  ledger: LedgerEntry[];
  phases: PhaseReport[];
  windows: Record<PhaseReport['name'], Window>;
}

/** What k6 and the fault point would have written: every request, every attempt, in three phases. */
export function simulateArm(plan: ArmPlan): SimulatedArm {
  const random = randomOf(plan.seed);
  const windows = windowsOf(plan);
  const samples: LoadSample[] = [];
  const ledger: LedgerEntry[] = [];
  const total = plan.seconds.baseline + plan.seconds.fault + plan.seconds.recovery;
  for (let index = 0; index < total * plan.rps; index++) {
    const startedAt = plan.startedAt + Math.round((index * 1000) / plan.rps);
    const faulty = startedAt >= windows.fault.fromMs - 500 && startedAt < windows.fault.toMs + 500;
    const requestId = `${plan.seed}-${index.toString(16).padStart(6, '0')}`;
    const attempt = (at: number): LedgerEntry => {
      const durationMs = Math.round((4 + random() ** 4 * 40) * 10) / 10;
      const entry: LedgerEntry = {
        requestId,
        startedAt: at,
        durationMs,
        status: 200,
        injected: undefined,
        cancelled: false,
        path: '/api/trips',
        pod: `trips-7d9f8-${index % 2 ? 'k2x9p' : 'w8q4z'}`,
      };
      if (!faulty) return entry;
      if (plan.fault.kind === 'delay') {
        const { delayMs, timeoutMs } = plan.fault;
        if (timeoutMs !== undefined && timeoutMs < delayMs) {
          return {
            ...entry,
            injected: 'delay',
            durationMs: timeoutMs + Math.round(random() * 4),
            status: 0,
            cancelled: true,
          };
        }
        return { ...entry, injected: 'delay', durationMs: delayMs + durationMs };
      }
      return random() < plan.fault.share ? { ...entry, injected: 'abort', status: 503, durationMs: 0.6 } : entry;
    };
    let [at, last] = [startedAt + 1, attempt(startedAt + 1)];
    ledger.push(last);
    const retries = plan.fault.kind === 'abort' ? plan.fault.retries : 0;
    for (let retry = 0; retry < retries && last.status === 503; retry++) {
      at += Math.round(last.durationMs + 5 + random() * 25 * 2 ** retry);
      last = attempt(at);
      ledger.push(last);
    }
    const status = last.cancelled ? 504 : last.status;
    const durationMs = Math.round((at - startedAt + last.durationMs + 1 + random()) * 10) / 10;
    samples.push({
      requestId,
      startedAt,
      durationMs,
      status,
      errorCode: status >= 500 ? 1500 : 0,
      target: plan.target,
      ok: status === 200,
    });
  }
  const phases = (['baseline', 'fault', 'recovery'] as const).map((name): PhaseReport => {
    const window = windows[name];
    const own = samples.filter((sample) => sample.startedAt >= window.fromMs && sample.startedAt < window.toMs);
    const ids = new Set(own.map((sample) => sample.requestId));
    return {
      name,
      startedAt: new Date(window.fromMs).toISOString(),
      endedAt: new Date(window.toMs).toISOString(),
      load: loadOf(own, (window.toMs - window.fromMs) / 1000),
      ledger: summarizeLedger(ledger.filter((entry) => ids.has(entry.requestId))),
      series: seriesOf(own, plan.startedAt),
    };
  });
  return { samples, ledger, phases, windows };
}

/** A second around each change is left out. */
function windowsOf({ startedAt, seconds }: ArmPlan): SimulatedArm['windows'] {
  const [first, second] = [seconds.baseline, seconds.baseline + seconds.fault];
  const window = (from: number, to: number): Window => ({
    fromMs: startedAt + from * 1000,
    toMs: startedAt + to * 1000,
  });
  return {
    baseline: window(0, first - 0.5),
    fault: window(first + 0.5, second - 0.5),
    recovery: window(second + 0.5, second + seconds.recovery),
  };
}

export function loadOf(samples: readonly LoadSample[], seconds: number): LoadFigures {
  const durations = samples.map((sample) => sample.durationMs);
  const good = samples.filter((sample) => sample.ok).length;
  return {
    requests: samples.length,
    rps: samples.length / seconds,
    errorsPerSecond: (samples.length - good) / seconds,
    successRate: good / samples.length,
    p50Ms: quantile(durations, 0.5),
    p95Ms: quantile(durations, 0.95),
    p99Ms: quantile(durations, 0.99),
    dropped: 0,
  };
}

function seriesOf(samples: readonly LoadSample[], startedAt: number): PhaseReport['series'] {
  const seconds = new Map<number, LoadSample[]>();
  for (const sample of samples) {
    const t = Math.floor((sample.startedAt - startedAt) / 1000);
    seconds.set(t, [...(seconds.get(t) ?? []), sample]);
  }
  return [...seconds].map(([t, own]) => {
    const { rps, errorsPerSecond, p50Ms, p99Ms } = loadOf(own, 1);
    return { t, rps, errorsPerSecond, p50Ms, p99Ms };
  });
}

export function receiptsOf(plan: ArmPlan, { ledger, windows }: SimulatedArm, undone = true): FaultReceipt[] {
  return ['w8q4z', 'k2x9p'].map((suffix, index): FaultReceipt => {
    const own = ledger.filter(
      (entry) =>
        entry.pod.endsWith(suffix) && entry.startedAt >= windows.fault.fromMs && entry.startedAt < windows.fault.toMs,
    );
    const hits = own.filter((entry) => entry.injected).length;
    const { fault } = plan;
    return {
      kind: fault.kind === 'abort' ? 'http-abort' : 'http-delay',
      target: `trips/trips-7d9f8-${suffix}`,
      mechanism: 'envoy fault filter behind the sidecar (iptables OUTPUT redirect, uid 1337)',
      asked:
        fault.kind === 'abort'
          ? { percentage: fault.share * 100, status: 503 }
          : { percentage: 100, delayMs: fault.delayMs },
      measured:
        fault.kind === 'abort'
          ? { percentage: Number(((hits / own.length) * 100).toFixed(1)), attempts: own.length }
          : { percentage: 100, delayMs: fault.delayMs + 1, attempts: own.length },
      onsetMs: 391 + index * 14,
      startedAt: windows.fault.fromMs - 400,
      endedMs: windows.fault.toMs + 300,
      undone,
      problems: [],
    };
  });
}
