import { expect } from 'chai';
import type { EvidenceReader } from '../../../src/evidence/reader.ts';
import { loadRules } from '../../../src/judge/rules/load-rules.ts';
import type { ArmResult, ArmSpec } from '../../../src/claims/arm.ts';
import type { Clock } from '../../../src/base/clock.ts';
import { silentProgress } from '../../../src/base/progress.ts';
import type { FaultContext } from '../../../src/faults/define-fault.ts';
import type { LoadSample } from '../../../src/load/load.ts';
import { emptyHistogram } from '../../../src/observe/telemetry/histogram.ts';
import type { OutboundCounters, ProxySnapshot } from '../../../src/observe/telemetry/snapshot.ts';
import { runArm } from '../../../src/run/arm.ts';
import type { Engine } from '../../../src/run/engine.ts';

const rps = 50;
const onsetMs = 4000;
const failing = 0.3;

/** A lab in a time of its own: 50 requests a second of which 30 % fail from the moment the fault is in force. */
function fakeLab({ aheadMs = 0, measured = true, undoMs = 0 } = {}) {
  let now = 1_000_000;
  let inForce = { from: Infinity, to: Infinity };
  let start = 0;
  const asleep: { until: number; wake: () => void }[] = [];
  const at = { prepared: Infinity, undone: Infinity };
  const clock: Clock = {
    now: () => now,
    monotonicMs: () => now,
    // Those who wait at the same time wait side by side: whose time is next wakes up first.
    sleep: (ms) =>
      new Promise<void>((wake) => {
        asleep.push({ until: now + ms, wake });
        setImmediate(() => {
          const next = asleep.sort((a, b) => a.until - b.until).shift()!;
          now = Math.max(now, next.until);
          next.wake();
        });
      }),
  };
  const samples = (until: number): LoadSample[] =>
    Array.from({ length: Math.max(0, Math.floor(((until - start) * rps) / 1000)) }, (_, i): LoadSample => {
      const startedAt = start + (i * 1000) / rps;
      const hit = startedAt >= inForce.from && startedAt < inForce.to && i % 10 < failing * 10;
      return {
        requestId: `r${i}`,
        startedAt: startedAt + aheadMs,
        ...(aheadMs !== 0 && measured && { clockAheadMs: aheadMs }),
        durationMs: 5,
        status: hit ? 503 : 200,
        errorCode: 0,
        target: 'trips',
        ok: !hit,
      };
    });
  const proxy = (): ProxySnapshot => {
    const seen = start === 0 ? [] : samples(now);
    const bad = seen.filter(({ ok }) => !ok).length;
    const traffic = {
      requestsByCode: { '200': seen.length - bad, '503': bad },
      latency: {
        exact: true,
        upperBoundsMs: [4, 6, Infinity],
        cumulative: [0, seen.length, seen.length],
        sumMs: 5 * seen.length,
      },
      connections: 1,
      tlsHandshakes: 1,
    };
    const outbound: OutboundCounters = {
      ...traffic,
      destination: 'trips',
      attempts: seen.length,
      retries: 0,
      retrySuccesses: 0,
      retriesExhausted: 0,
      retryOverflow: 0,
      timeouts: 0,
      bytesSent: 0,
      bytesReceived: 0,
      healthyEndpoints: 1,
      endpoints: 1,
    };
    return {
      pod: 'client-0',
      podUid: 'client-0',
      service: 'client',
      takenAt: now,
      startedAt: 1,
      inbound: { requestsByCode: {}, latency: emptyHistogram(), connections: 0, tlsHandshakes: 0 },
      outbound: [outbound],
      saturation: {
        memoryBytes: 1,
        activeConnections: 1,
        activeRequests: 0,
        pendingOverflow: 0,
        circuitBreakerOpen: 0,
      },
    };
  };
  const dispose = { [Symbol.asyncDispose]: async () => undefined };
  const means: Partial<Record<keyof Engine['means'], unknown>> = {
    prepareLoad: async () => ({
      ...dispose,
      keepPods: () => undefined,
      clocks: [{ pod: 'client-0', aheadMs }],
      pods: [{ namespace: 'app', name: 'client-0', uid: 'client-0' }],
      start: async () => {
        start = now;
        return {
          startedAt: now,
          finishNow: async () => ({
            samples: samples(now),
            exitCode: 0,
            droppedIterations: 0,
            summary: '',
            problems: [],
          }),
        };
      },
    }),
    proxySnapshots: async () => {
      const look = [proxy()];
      now += 300;
      return look;
    },
    startFault: async (spec: unknown, { onPrepared, mayBegin }: FaultContext) => {
      at.prepared = now;
      onPrepared?.();
      await mayBegin;
      now += onsetMs;
      inForce = { from: now, to: Infinity };
      return {
        spec,
        lift: async () => void (inForce.to = Math.min(inForce.to, now)),
        undo: async () => {
          if (at.undone < Infinity) return;
          now += undoMs;
          at.undone = now;
        },
        ledger: async () => [],
        receipts: async () => [],
      };
    },
    startPressure: async () => ({ ...dispose, stop: async () => ({ cores: 2, sources: [], samples: [] }) }),
  };
  const files = new Map<string, unknown>();
  const keep = async (path: string, value: unknown): Promise<string> => {
    files.set(path, value);
    return path;
  };
  /** As if they had been written and read. */
  const kept = <T>(path: string): T => JSON.parse(JSON.stringify(files.get(path))) as T;
  const reader = {
    json: async (path: string): Promise<unknown> => kept(path),
    ndjson: async function* (path: string) {
      yield* kept<unknown[]>(path);
    },
  };
  const engine = {
    means,
    events: { emit: () => undefined },
    context: {
      clock,
      progress: silentProgress(),
      signal: new AbortController().signal,
      evidence: { json: keep, ndjson: keep, text: keep, reader },
    },
    loadContext: () => ({}),
    faultContext: async () => ({}),
  } as unknown as Engine;
  return { engine, files, at };
}

const spec = {
  scenario: 'retries',
  name: 'control',
  app: { namespace: 'app', pods: async () => [] },
  policies: [],
  load: { targets: [{ name: 'trips', url: 'http://trips' }], rps, clients: 1, maxVUs: 10, requestTimeoutMs: 1000 },
  baselineMs: 3000,
  recoveryMs: 3000,
  timeline: [
    { atMs: 3000, forMs: 12_000, fault: { kind: 'http-abort', target: 'trips', percentage: 30, status: 503 } },
  ],
  watch: [],
} as unknown as ArmSpec;

describe('figures of the fault', () => {
  let arm: ArmResult;
  before(async () => {
    arm = await runArm(spec, fakeLab().engine);
  });

  it('are those of the fault’s window, by the proxies as by k6, however long the fault took to come into force', () => {
    const [proxy, k6] = ['client-proxy', 'k6'].map((by) => arm.signals.find(({ reporter }) => reporter === by));
    expect(k6?.phase).to.equal('fault');
    expect(k6?.successRate).to.be.closeTo(0.7, 0.01);
    expect(proxy?.successRate).to.be.closeTo(k6!.successRate!, 0.01);
    expect(proxy?.rps).to.be.closeTo(k6!.rps, 1);
    expect(proxy?.errorsPerSecond).to.be.closeTo(k6!.errorsPerSecond, 0.5);
  });

  it('begin when the fault is asked for, which was prepared before the load', async () => {
    const lab = fakeLab();
    const { windows } = await runArm(spec, lab.engine);
    expect(lab.at.prepared).to.be.below(windows.baseline.fromMs - 999);
    expect(windows.baseline.toMs - windows.baseline.fromMs).to.equal(spec.baselineMs - 1000);
    expect(windows.fault.fromMs).to.equal(windows.baseline.toMs + onsetMs + 1000);
  });

  it('of a fault whose time is far: it is prepared half a minute before', async () => {
    const lab = fakeLab();
    const [entry] = spec.timeline;
    const far = { ...spec, baselineMs: 90_000, timeline: [{ ...entry!, atMs: 90_000 }] };
    const { windows } = await runArm(far, lab.engine);
    expect(windows.baseline.toMs - lab.at.prepared).to.equal(30_000);
    expect(windows.fault.fromMs).to.equal(windows.baseline.toMs + onsetMs + 1000);
  });

  it('end when it is lifted: the recovery does not wait for what its undo has to collect', async () => {
    const lab = fakeLab({ undoMs: 9000 });
    const { windows } = await runArm(spec, lab.engine);
    // The look at the proxies takes 300 ms.
    expect(windows.recovery.fromMs - windows.fault.toMs).to.equal(1300);
    expect(lab.at.undone).to.be.above(windows.recovery.fromMs);
  });

  it('and what it still holds then is answered before k6 is told to end', async () => {
    const lab = fakeLab({ undoMs: 9000 });
    const { windows } = await runArm(spec, lab.engine);
    expect(windows.recovery.toMs).to.be.within(lab.at.undone - 50, lab.at.undone);
  });

  /** What the report shows, and what the rules make of the samples in the evidence: `report check` does the same. */
  async function figuresWith(options: { aheadMs?: number; measured?: boolean }) {
    const lab = fakeLab(options);
    const { report, windows, load } = await runArm(spec, lab.engine);
    const reader = {
      async *ndjson(path: string) {
        yield* lab.files.get(path) as LoadSample[];
      },
    } as unknown as EvidenceReader;
    const judged = await loadRules['status-share'].judge(
      { load, window: windows.baseline, status: 503, is: { atMost: 0 } },
      reader,
    );
    const clocks = [...lab.files].find(([path]) => path.endsWith('clocks.json'))?.[1];
    return { phases: report.phases.map((phase) => phase.load), judged, clocks };
  }

  for (const aheadMs of [1500, -1500]) {
    it(`are the same with a pod whose clock is ${aheadMs} ms ahead, and would not be without its offset`, async () => {
      const right = await figuresWith({});
      const off = await figuresWith({ aheadMs });
      expect(off.phases).to.deep.equal(right.phases);
      expect(off.judged).to.deep.equal(right.judged);
      expect(off.clocks).to.deep.equal([{ pod: 'client-0', aheadMs }]);
      const unaligned = await figuresWith({ aheadMs, measured: false });
      expect(unaligned.phases).not.to.deep.equal(right.phases);
    });
  }
});
