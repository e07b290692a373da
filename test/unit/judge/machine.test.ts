import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { writeEvidence, writeEvidenceLines } from '../../../src/evidence/files.ts';
import { directoryReader } from '../../../src/evidence/reader.ts';
import type { LedgerEntry } from '../../../src/faults/fault.ts';
import type { Assertion } from '../../../src/judge/assertion.ts';
import { judge, type About, type RuleInputs, type RuleName } from '../../../src/judge/recompute.ts';
import type { LoadSample } from '../../../src/load/load.ts';
import type { PressureFacts } from '../../../src/observe/pressure/pressure.ts';
import { httpServices, snapshotsAt } from '../report/example-proxies.ts';

let dir: string;
let file = 0;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'meshproof-machine-'));
});
after(() => rm(dir, { recursive: true, force: true }));
const json = (value: object): Promise<string> => writeEvidence(dir, `evidence/${++file}.json`, value);
const lines = (values: object[]): Promise<string> => writeEvidenceLines(dir, `evidence/${++file}.ndjson.gz`, values);

const from = 1_000_000;

/** 400 requests of 10 s: `late` of them began late, `bad` failed, all took `durationMs`. */
const loadOf = ({ late = 0, bad = 0, durationMs = 10, says = true } = {}): LoadSample[] =>
  Array.from({ length: 400 }, (_, i) => ({
    requestId: `r${i}`,
    startedAt: from + i * 25,
    durationMs,
    status: i < bad ? 503 : 200,
    errorCode: 0,
    target: 'trips',
    ok: i >= bad,
    ...(says && { lateMs: i < late ? 80 : 1 }),
  }));

/** Ten seconds in which tasks waited for a CPU that share of the time. */
const pressureOf = (waiting: number | undefined, runnable = 1): PressureFacts => ({
  cores: 2,
  sources: waiting === undefined ? ['stat'] : ['psi', 'stat'],
  samples: Array.from({ length: 21 }, (_, i) => ({
    at: from + i * 500,
    ...(waiting !== undefined && { waitingUs: i * 500_000 * waiting }),
    totalTicks: i * 100,
    busyTicks: i * 50,
    stealTicks: 0,
    runnable,
  })),
});

interface Machine {
  load: string;
  pressure: string;
}
const machine = async (load: Parameters<typeof loadOf>[0], ...of: Parameters<typeof pressureOf>): Promise<Machine> => ({
  load: await lines(loadOf(load)),
  pressure: await json(pressureOf(...of)),
});

async function judged<Name extends RuleName>(rule: Name, inputs: RuleInputs[Name], about: Partial<About> = {}) {
  return judge(rule, inputs, { id: 'x', title: 'x', ...about }, directoryReader(dir));
}
const text = ({ status, observed }: Assertion): string => `${status}: ${observed}`;

describe('a busy machine', () => {
  describe('machine-quiet', () => {
    const of = async (...args: Parameters<typeof machine>) =>
      text(await judged('machine-quiet', await machine(...args)));

    it('holds where arrivals are in time and CPUs are to spare', async () => {
      expect(await of({ late: 4 }, 0.4)).to.equal(
        'pass: k6 started 1 % of its 400 requests more than 50 ms late; tasks waited for a CPU 40 % of the time',
      );
    });

    it('names the reason and the figure', async () => {
      expect(await of({ late: 21 }, 0.4)).to.equal(
        'invalid: the machine was too busy: k6 started 5.3 % of its 400 requests more than 50 ms late',
      );
      expect(await of({}, 0.996)).to.equal(
        'invalid: the machine was too busy: tasks waited for a CPU 99.6 % of the time',
      );
    });

    it('without PSI it counts runnable tasks; with PSI it does not', async () => {
      expect(await of({}, undefined, 10)).to.equal('invalid: the machine was too busy: 5.0 tasks wanted each core');
      expect(await of({}, undefined, 3)).to.match(/^pass: .*; 1\.5 tasks wanted each core$/);
      expect(await of({}, 0.5, 10)).to.match(/^pass/);
    });

    it('looks at its window only', async () => {
      const busy = await machine({ late: 21 }, 0.4);
      const later = { fromMs: from + 5000, toMs: from + 10_000 };
      expect(text(await judged('machine-quiet', { ...busy, window: later }))).to.match(
        /^pass: k6 started 0 % of its 200/,
      );
      expect(text(await judged('machine-quiet', { ...busy, window: { fromMs: from, toMs: from + 5000 } }))).to.match(
        /^invalid: .*10\.5 % of its 200/,
      );
    });

    it('steal and a used-up quota are told', async () => {
      const facts = pressureOf(0.1);
      facts.samples.forEach((sample, i) =>
        Object.assign(sample, { stealTicks: i * 40, periods: i * 5, throttled: i * 2 }),
      );
      const files = { load: await lines(loadOf()), pressure: await json(facts) };
      expect(text(await judged('machine-quiet', files))).to.equal(
        'invalid: the machine was too busy: the hypervisor took 40 % of the cores’ time; the CPU quota was used up in 40 % of its periods',
      );
    });

    it('a machine that tells nothing is not known to be quiet', async () => {
      const nothing = {
        load: await lines(loadOf({ says: false })),
        pressure: await json({ cores: 0, sources: [], samples: [] }),
      };
      expect(text(await judged('machine-quiet', nothing))).to.equal('invalid: nothing tells how busy the machine was');
    });
  });

  describe('and what is said of the mesh', () => {
    const entry = (i: number, rest: Partial<LedgerEntry> = {}): LedgerEntry => ({
      requestId: `r${i}`,
      startedAt: from + i * 25,
      durationMs: 5,
      status: 200,
      injected: undefined,
      cancelled: false,
      path: '/',
      pod: 'trips-1',
      ...rest,
    });
    const claims = async (files: Machine, quiet: Assertion): Promise<Assertion[]> => {
      const given = [quiet];
      const ledger = await lines(Array.from({ length: 400 }, (_, i) => entry(i)));
      const looks = { before: await json(snapshotsAt(1, 100)), after: await json(snapshotsAt(2, 250, { trips: 20 })) };
      return [
        await judged('latency-at-most', { ...files, quantile: 0.99, limitMs: 1000, machine: files }, { given }),
        await judged('success-rate-at-least', { load: files.load, share: 0.99 }, { given }),
        await judged('success-as-retries-predict', { load: files.load, faultShare: 0.3, retries: 4 }, { given }),
        await judged('attempts-exceed-requests', { ledger }, { given }),
        await judged('amplification-within', { ledger, faultShare: 0.3, retries: 4 }, { given }),
        await judged(
          'cancelled-near',
          { ledger, nearMs: 1000, toleranceMs: 200, share: 0.9, machine: files },
          { given },
        ),
        await judged(
          'golden-signals-within',
          { ...looks, http: httpServices, tcp: [], bounds: { minRequests: 100, minSuccessRate: 0.99 }, machine: files },
          { given },
        ),
      ];
    };
    const broken = { bad: 120, durationMs: 1500 };
    const quietOf = (files: Machine) =>
      judged('machine-quiet', files, { id: 'quiet', title: 'quiet', role: 'validity' });

    it('is never a failure, with the reason', async () => {
      for (const files of [await machine({ ...broken, late: 40 }, 0.3), await machine(broken, 0.99)]) {
        for (const claim of await claims(files, await quietOf(files))) {
          expect(text(claim)).to.match(/^invalid: .*the machine was (too )?busy/);
        }
      }
    });

    it('is a failure on a quiet one: errors, slowness, missing retries', async () => {
      const files = await machine(broken, 0.3);
      const all = await claims(files, await quietOf(files));
      expect(all.map(({ status }) => status)).to.deep.equal(all.map(() => 'fail'));
    });

    it('between the two, slowness is nobody’s failure, errors are, and what holds counts', async () => {
      const files = await machine(broken, 0.9);
      const quiet = await quietOf(files);
      expect(quiet.status).to.equal('pass');
      const [slow, errors, , , , cancelled, signals] = await claims(files, quiet);
      expect(text(slow!)).to.equal(
        'invalid: p99 1.50 s over 400 requests; the machine was busy: tasks waited for a CPU 90 % of the time',
      );
      expect(cancelled!.status).to.equal('invalid');
      expect([errors!.status, signals!.status]).to.deep.equal(['fail', 'fail']);
      const well = await machine({}, 0.9);
      const [fast] = await claims(well, await quietOf(well));
      expect(fast!.status).to.equal('pass');
    });

    it('golden signals: slow and nothing else', async () => {
      const looks = { before: await json(snapshotsAt(1, 100)), after: await json(snapshotsAt(2, 250)) };
      const inputs = { ...looks, http: httpServices, tcp: [], bounds: { minRequests: 100, maxP99Ms: 20 } };
      expect(text(await judged('golden-signals-within', { ...inputs, machine: await machine({}, 0.9) }))).to.match(
        /^invalid: .*p99 .*; the machine was busy/,
      );
      expect(text(await judged('golden-signals-within', { ...inputs, machine: await machine({}, 0.3) }))).to.match(
        /^fail: .*p99/,
      );
    });
  });
});
