import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { writeEvidence, writeEvidenceLines } from '../../../src/evidence/files.ts';
import { directoryReader } from '../../../src/evidence/reader.ts';
import { judge, type RuleInputs, type RuleName } from '../../../src/judge/recompute.ts';
import { randomOf } from '../report/simulate.ts';

let dir: string;
let file = 0;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'meshproof-overhead-'));
});
after(() => rm(dir, { recursive: true, force: true }));

async function outcome<Name extends RuleName>(rule: Name, inputs: RuleInputs[Name]) {
  const { status, observed } = await judge(rule, inputs, { id: 'x', title: 'x' }, directoryReader(dir));
  return `${status}: ${observed}`;
}

/** A load of a run: slow in its first two seconds. */
function load(seed: number, shift = 0): Promise<string> {
  const random = randomOf(seed);
  return writeEvidenceLines(
    dir,
    `evidence/${++file}.ndjson`,
    Array.from({ length: 1200 }, (_, index) => ({
      startedAt: 5000 + index * 20,
      durationMs: index * 20 < 2000 ? 500 : 3 + shift - Math.log(1 - random()),
      ...{ requestId: `${index}`, status: 200, errorCode: 0, target: 'web', ok: true },
    })),
  );
}
const loads = (seeds: number[], shift = 0): Promise<string[]> => Promise.all(seeds.map((seed) => load(seed, shift)));
const common = { quantile: 0.5, warmUpMs: 2000 };

describe('rules of overhead', () => {
  it('find what the mesh added, without what the first seconds of a run cost', async () => {
    const inputs = { ...common, without: await loads([1, 2, 3, 4]), with: await loads([5, 6, 7, 8], 5) };
    expect(await outcome('latency-added', inputs)).to.match(
      /^pass: p50 3\.\d ms without, 8\.\d ms with the mesh; noise 0(\.\d)? ms: (5|4\.9|5\.1) ms more \(4\.\d ms to 5\.\d ms\)$/,
    );
  });

  it('say that there is no conclusion where nothing was added', async () => {
    const inputs = { ...common, without: await loads([1, 2, 3, 4]), with: await loads([5, 6, 7, 8]) };
    expect(await outcome('latency-added', inputs)).to.match(/^invalid: p50 .*(by as much|holds 0) \(/);
  });

  it('hold a bound against the interval: kept for sure, broken for sure, or neither', async () => {
    const inputs = { ...common, without: await loads([1, 2, 3, 4]), with: await loads([5, 6, 7, 8], 5) };
    expect(await outcome('latency-added', { ...inputs, atMostMs: 6 })).to.match(/^pass: /);
    expect(await outcome('latency-added', { ...inputs, atMostMs: 4 })).to.match(/^fail: /);
    expect(await outcome('latency-added', { ...inputs, atMostMs: 5 })).to.match(/^invalid: .*neither within the bound/);
    const nothing = { ...inputs, with: await loads([5, 6, 7, 8]) };
    expect(await outcome('latency-added', { ...nothing, atMostMs: 1 }), 'nothing added is within').to.match(/^pass: /);
  });

  it('see that runs without the mesh differ among themselves', async () => {
    const same = await loads([1, 2, 3, 4]);
    expect(await outcome('no-latency-added', { ...common, runs: same })).to.match(/^pass: /);
    const [a, b] = [await load(1), await load(2, 5)];
    expect(await outcome('no-latency-added', { ...common, runs: [a, b, a, b] })).to.match(/^fail: /);
    expect(await outcome('no-latency-added', { ...common, runs: [a] })).to.equal('invalid: there are no two series');
  });

  it('say what the proxies used, and that nothing is known where the kubelet was silent', async () => {
    const usage = (at: number, cpuMs: number): Promise<string> =>
      writeEvidence(dir, `evidence/${++file}.json`, [
        { pod: 'web-1', podUid: 'a', container: 'proxy', at, cpuNanoseconds: cpuMs * 1e6, memoryBytes: 2 ** 25 },
      ]);
    const samples = await load(1);
    const run = { load: samples, before: await usage(4999, 0), after: await usage(40_000, 600) };
    expect(await outcome('proxies-metered', { runs: [run], container: 'proxy' })).to.equal(
      'pass: 1 proxy: together 500 ms of CPU for 1,000 requests, at most 32.0 MiB each',
    );
    expect(await outcome('proxies-metered', { runs: [run], container: 'other' })).to.match(/^invalid: the kubelet/);
    expect(await outcome('proxies-metered', { runs: [], container: 'proxy' })).to.match(/^invalid: the kubelet/);
  });
});
