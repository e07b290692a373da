import { Readable } from 'node:stream';
import { expect } from 'chai';
import { phaseFigures, series } from '../../../src/load/figures.ts';
import { readK6Files } from '../../../src/load/k6-files.ts';
import type { LoadSpec } from '../../../src/load/load.ts';
import { mergeSegments } from '../../../src/load/merge-segments.ts';
import { readOutcome, type K6Outcome } from '../../../src/load/outcome.ts';
import { dueAfterMs, expectedRequests } from '../../../src/load/plan.ts';

const spec: LoadSpec = {
  client: 'caller',
  namespace: 'trial',
  targets: [{ name: 'trips', url: 'http://trips/api/trips' }],
  rps: 40,
  durationMs: 30_000,
  maxVUs: 60,
  requestTimeoutMs: 2000,
};
const startMs = 1_790_000_000_000;

/** What a service does to the arrival with this number, whoever sends it: a few are slow, a few fail. */
function fate(iteration: number): { durationMs: number; status: number } {
  const spread = (iteration * 7919) % 1000;
  return { durationMs: 2 + spread / 50 + (spread > 980 ? 400 : 0), status: spread % 37 === 0 ? 503 : 200 };
}

interface Pods {
  pods: number;
  /** By how much each pod's clock is ahead. */
  aheadMs?: readonly number[];
  /** How much later than the first each pod begins. */
  laterMs?: readonly number[];
  /** Each sends the whole load. */
  undivided?: boolean;
}

/** What k6 leaves in the load pods: each sends the arrivals of its segment, and writes them by its own clock. */
async function sent({ pods, aheadMs = [], laterMs = [], undivided = false }: Pods): Promise<K6Outcome[]> {
  const load = { ...spec, pods };
  return Promise.all(
    Array.from({ length: pods }, async (_, index) => {
      const ahead = aheadMs[index] ?? 0;
      const lines: string[] = [];
      for (let i = undivided ? 0 : index; i < (spec.rps * spec.durationMs) / 1000; i += undivided ? 1 : pods) {
        const at = startMs + dueAfterMs(load, i) + (laterMs[index] ?? 0) + ahead;
        const { durationMs, status } = fate(i);
        lines.push(`${i},0,${at},${durationMs},${status},0,${status === 200 ? 1 : 0},0.0\n`);
      }
      const metrics = {
        iterations: { values: { count: lines.length } },
        http_reqs: { values: { count: lines.length } },
        dropped_iterations: { values: { count: 0 } },
      };
      const files: Record<string, string> = {
        'samples.csv': `start,${startMs + ahead}\n${lines.join('')}`,
        'summary.json': JSON.stringify({ metrics }),
        'tail.txt': '',
      };
      const read = await readK6Files((name, consume) => consume(Readable.from([Buffer.from(files[name]!)])), {
        idPrefix: 'p',
        targets: spec.targets,
      });
      const samples = read.samples.map((sample) => (ahead === 0 ? sample : { ...sample, clockAheadMs: ahead }));
      return readOutcome(
        { ...read, samples, exitCode: 0 },
        { pod: `caller-${index}`, requests: expectedRequests(load, index) },
      );
    }),
  );
}

describe('segments of a load', () => {
  const window = { fromMs: startMs + 3000, toMs: startMs + 27_000 };

  it('are one load again: 1 and 3 pods give the same requests, totals, quantiles and seconds, whatever their clocks', async () => {
    const whole = mergeSegments(spec, await sent({ pods: 1 }));
    const parts = await sent({ pods: 3, aheadMs: [0, 1700, -900] });
    expect(parts.map(({ samples }) => samples.length)).to.deep.equal([400, 400, 400]);
    const merged = mergeSegments({ ...spec, pods: 3 }, parts);
    expect(whole.problems).to.deep.equal([]);
    expect(merged.problems).to.deep.equal([]);
    expect(merged.samples.map(({ requestId }) => requestId)).to.deep.equal(
      whole.samples.map(({ requestId }) => requestId),
    );
    expect(phaseFigures(merged.samples, window)).to.deep.equal(phaseFigures(whole.samples, window));
    expect(series(merged.samples, window)).to.deep.equal(series(whole.samples, window));
    expect(phaseFigures(whole.samples, window).requests).to.equal(960);
  });

  it('are not averaged: the slow ones of one pod stay what they are', async () => {
    const parts = await sent({ pods: 3 });
    const slow = parts.map((part, index) =>
      index === 1 ? { ...part, samples: part.samples.map((sample) => ({ ...sample, durationMs: 1000 })) } : part,
    );
    const { p50Ms, p95Ms } = phaseFigures(mergeSegments({ ...spec, pods: 3 }, slow).samples, window);
    expect(p50Ms).to.be.lessThan(30);
    expect(p95Ms).to.equal(1000);
  });

  it('do not count when a pod began at another time, or sent what is another’s', async () => {
    const load = { ...spec, pods: 3 };
    const apart = mergeSegments(load, await sent({ pods: 3, laterMs: [0, 20, 400] }));
    expect(apart.problems).to.deep.equal(['k6 in caller-2: it began 400 ms after the first of the load pods']);
    const twice = mergeSegments(load, await sent({ pods: 3, undivided: true }));
    expect(twice.problems.join()).to.match(/^2400 requests were sent by two load pods/);
  });

  it('add up: what one of them dropped or got wrong is the load’s', async () => {
    const [first, ...others] = await sent({ pods: 3 });
    const merged = mergeSegments({ ...spec, pods: 3 }, [
      { ...first!, dropped: 3, exitCode: 99, problems: ['k6 in caller-0: it dropped 3 iterations'] },
      ...others.map((part) => ({ ...part, dropped: 1 })),
    ]);
    expect(merged).to.include({ droppedIterations: 5, exitCode: 99 });
    expect(merged.problems).to.deep.equal(['k6 in caller-0: it dropped 3 iterations']);
  });
});
