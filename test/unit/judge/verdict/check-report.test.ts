import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { GoldenSignals } from '../../../../src/observe/telemetry/golden.ts';
import { writeManifest } from '../../../../src/report/manifest.ts';
import type { RunReport } from '../../../../src/report/model.ts';
import { writeReport } from '../../../../src/report/write-report.ts';
import { writers } from '../../../../src/report/writers.ts';
import { checkReport } from '../../../../src/judge/verdict/check-report.ts';
import { exampleReport, variants } from '../../report/example-report.ts';

const rowOf = (report: RunReport, destination: string, reporter: GoldenSignals['reporter']): GoldenSignals =>
  report.signals.find((row) => row.destination === destination && row.reporter === reporter)!;

describe('report check', () => {
  let root: string;
  let copies = 0;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'meshproof-check-'));
    for (const variant of variants)
      await writeReport(join(root, variant), await exampleReport(join(root, variant), variant));
  });
  after(() => rm(root, { recursive: true, force: true }));

  const copyOf = async (variant: string): Promise<string> => {
    const dir = join(root, `copy-${++copies}`);
    await cp(join(root, variant), dir, { recursive: true });
    return dir;
  };

  for (const variant of variants) {
    it(`finds nothing in an honest report (${variant})`, async () => {
      expect((await checkReport(join(root, variant))).problems).to.deep.equal([]);
    });
  }

  /** A careful forger: edits report.json and writes every digest anew. */
  async function forged(variant: string, edit: (report: RunReport) => void): Promise<string[]> {
    const dir = await copyOf(variant);
    const report = JSON.parse(await readFile(join(dir, 'report.json'), 'utf8')) as RunReport;
    edit(report);
    await writeReport(dir, report, { writers: writers.filter(({ file }) => file === 'report.json') });
    return (await checkReport(dir)).problems;
  }

  const forgeries: [string, (report: RunReport) => void, RegExp][] = [
    [
      'an edited status',
      (r) => (r.scenarios[0]!.assertions[1]!.status = 'pass'),
      /tripviewer--trips.server: stated pass, the evidence says fail/,
    ],
    [
      'an edited observation',
      (r) => (r.scenarios[1]!.assertions[0]!.observed = '9,999 requests'),
      /states "9,999 requests"/,
    ],
    [
      'an edited expectation',
      (r) => (r.scenarios[1]!.assertions[6]!.expected = 'at least 50 % of requests succeed'),
      /its rule expects/,
    ],
    [
      'an arm that is said not to count',
      (r) => (r.scenarios[0]!.arms[0]!.status = 'invalid'),
      /mtls-everywhere, control: stated invalid, its assertions say pass/,
    ],
    [
      'a failed scenario that says it broke off',
      (r) => (r.scenarios[0]!.status = 'error'),
      /scenario mtls-everywhere: stated error, its assertions say fail/,
    ],
    [
      'a lowered bar',
      (r) => (r.scenarios[1]!.assertions[6]!.recompute!.inputs.share = 0.5),
      /stated fail, the evidence says pass/,
    ],
    ['a removed assertion', (r) => r.scenarios[0]!.assertions.splice(1, 1), /verdict: stated "unhealthy/],
    [
      'a removed control',
      (r) => r.scenarios[0]!.assertions.splice(0, 1),
      /rests on mtls-everywhere\/control-planted-token, which is not in the report/,
    ],
    ['a removed scenario', (r) => r.scenarios.splice(0, 1), /criterion mtls: stated fail, its scenarios say invalid/],
    [
      'an edited scenario',
      (r) => (r.scenarios[0]!.status = 'pass'),
      /scenario mtls-everywhere: stated pass, its assertions say fail/,
    ],
    [
      'an edited criterion',
      (r) => (r.criteria[0]!.status = 'pass'),
      /criterion mtls: stated pass, its scenarios say fail/,
    ],
    [
      'a claim that is turned into a validity check, so that nothing is claimed any more',
      (r) => {
        r.scenarios.splice(0, 1);
        for (const { recompute } of r.scenarios.flatMap((s) => s.assertions))
          if (recompute) recompute.role = 'validity';
      },
      /scenario timeouts-bound-latency: stated pass, its assertions say invalid/,
    ],
    ['a criterion in other words', (r) => (r.criteria[2]!.why = 'All is well.'), /criterion timeouts: its words/],
    ['a removed criterion', (r) => r.criteria.splice(0, 1), /its criterion mtls is not in the report/],
    [
      'an edited verdict',
      (r) => Object.assign(r.verdict, { status: 'healthy', exitCode: 0 }),
      /verdict: stated .* \(0\), the report says .* \(1\)/,
    ],
    [
      'an edited wire table',
      (r) => (r.scenarios[0]!.arms[1]!.wire[0]!.plaintextBytes = 0),
      /the wire of tripviewer -> trips, server side is not what its capture shows/,
    ],
    [
      'an invented wire proof',
      (r) => r.scenarios[0]!.arms[1]!.wire.push({ ...r.scenarios[0]!.arms[1]!.wire[0]!, destination: 'poi' }),
      /no capture backs the wire of tripviewer -> poi/,
    ],
    [
      'an edited p99 of the golden signals',
      (r) => (rowOf(r, 'trips', 'client-proxy').p99Ms = 3),
      /golden signals of golden-signals, treatment, baseline, tripviewer -> trips by client-proxy: stated p99Ms 3, the evidence says \d/,
    ],
    [
      'an edited rate of k6',
      (r) => (rowOf(r, 'tripviewer', 'k6').rps = 500),
      /load -> tripviewer by k6: stated rps 500, the evidence says 25/,
    ],
    [
      'an edited saturation',
      (r) => (rowOf(r, 'trips', 'server-proxy').saturation['memoryBytes'] = 1),
      /\* -> trips by server-proxy: stated saturation /,
    ],
    [
      'a capability that is said to be proven',
      (r) => {
        const row = r.capabilities!.find(({ id }) => id === 'security/mtls-everywhere')!;
        Object.assign(row, { status: 'proven', scenario: 'mtls-everywhere', reason: undefined });
      },
      /capability security\/mtls-everywhere: stated proven, the scenarios say supported/,
    ],
    [
      'a capability in other words',
      (r) => (r.capabilities!.find(({ id }) => id === 'security/jwt')!.reason = 'All is well.'),
      /capability security\/jwt: stated supported, the scenarios say supported/,
    ],
    [
      'a capability that is said to rest on a scenario of another name',
      (r) => (r.scenarios[2]!.tried = { ...r.scenarios[0]!.tried! }),
      /scenario timeouts-bound-latency: says that it is a trial of mtls-everywhere/,
    ],
    ['a removed row of golden signals', (r) => r.signals.splice(0, 1), /in the evidence, not in the report/],
    [
      'an invented row of golden signals',
      (r) => r.signals.push({ ...r.signals[0]!, arm: 'control' }),
      /golden-signals, control, .*: no evidence backs them/,
    ],
  ];
  for (const [what, edit, problem] of forgeries) {
    it(`sees ${what}`, async () => {
      expect((await forged('failing', edit)).join('\n')).to.match(problem);
    });
  }

  it('sees golden signals whose evidence says otherwise, or nothing any more', async () => {
    for (const [file, problem] of [
      [
        'proxy-after.json',
        /golden signals of golden-signals, treatment, cannot be made again: .*proxy-after.json is missing/,
      ],
      ['signals.json', /tripviewer -> trips by client-proxy: no evidence backs them/],
    ] as const) {
      const dir = await copyOf('healthy');
      await rm(join(dir, 'evidence/golden-signals/treatment', file));
      await writeReport(dir, JSON.parse(await readFile(join(dir, 'report.json'), 'utf8')) as RunReport);
      expect((await checkReport(dir)).problems.join('\n')).to.match(problem);
    }
  });

  /** Touches a file; with a manifest written anew, as a forger would. */
  async function tampered(
    path: string,
    change: (file: string) => Promise<void>,
    manifestAnew: boolean,
  ): Promise<string> {
    const dir = await copyOf('healthy');
    await change(join(dir, path));
    if (manifestAnew) await writeManifest(dir);
    return (await checkReport(dir)).problems.join('\n');
  }
  const sample =
    '{"requestId":"x","startedAt":0,"durationMs":1,"status":200,"errorCode":0,"target":"trips","ok":true}\n';
  const load = 'evidence/retries-recover-errors/control/load.ndjson';

  it('sees evidence that was changed, with and without its digest in the manifest', async () => {
    const change = (file: string): Promise<void> => appendFile(file, sample);
    expect(await tampered(load, change, false)).to.contain(`${load} was changed: its digest is not the manifest's`);
    expect(await tampered(load, change, true)).to.contain(`${load} was changed: its digest is not the report's`);
  });

  it('sees what changed evidence means, even if every digest was written anew', async () => {
    const dir = await copyOf('healthy');
    const lines = (await readFile(join(dir, load), 'utf8')).replaceAll('"ok":false', '"ok":true');
    await writeFile(join(dir, load), lines);
    await writeReport(dir, JSON.parse(await readFile(join(dir, 'report.json'), 'utf8')) as RunReport);
    const { problems } = await checkReport(dir);
    expect(problems.join('\n')).to.match(
      /control-errors: stated pass, the evidence says invalid \(100 % of 440 requests succeeded/,
    );
    expect(problems.join('\n'), 'and all that rests on it').to.match(
      /retries-recover-errors\/success: stated pass, the evidence says invalid/,
    );
  });

  for (const path of [
    load,
    'evidence/mtls-everywhere/treatment/tripviewer--trips.server.pcap',
    'report.html',
    'junit.xml',
    'summary.md',
  ]) {
    it(`sees that ${path} is missing`, async () => {
      expect(await tampered(path, (file) => rm(file), false)).to.contain(`${path} is missing`);
      expect(await tampered(path, (file) => rm(file), true)).to.contain(`${path} is missing`);
    });
  }

  it('sees a missing manifest, and a file that it does not know', async () => {
    expect(await tampered('manifest.sha256', (file) => rm(file), false)).to.contain('manifest.sha256 is missing');
    expect(await tampered('evidence/new.txt', (file) => writeFile(file, 'x'), false)).to.contain(
      'evidence/new.txt is not in the manifest',
    );
  });

  it('sees a page that says something else than report.json', async () => {
    const change = async (file: string): Promise<void> =>
      writeFile(file, (await readFile(file, 'utf8')).replace('71.6', '17.6'));
    for (const file of ['report.html', 'summary.md'])
      expect(await tampered(file, change, true)).to.contain(`${file} does not say what report.json says`);
  });

  it('sees a secret in evidence', async () => {
    const change = (file: string): Promise<void> => writeFile(file, 'PGPASSWORD=hunter2\n');
    expect(await tampered('evidence/log.txt', change, true)).to.contain('evidence/log.txt:1: holds a password');
  });

  it('refuses what is no report, with a code and no stack', async () => {
    const dir = await copyOf('empty');
    for (const content of ['{', '{}', '{"schemaVersion":2}', '{"schemaVersion":1}', 'null']) {
      await writeFile(join(dir, 'report.json'), content);
      const error = await checkReport(dir).catch((e: unknown) => e);
      expect(error, content).to.have.property('code', 'MESHPROOF_REPORT_UNREADABLE');
    }
  });
});
