import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Assertion } from '../../../src/judge/assertion.ts';
import { MeshproofError } from '../../../src/base/errors.ts';
import { runCommand } from '../../../src/base/process.ts';
import { escapeXml, renderJunit } from '../../../src/report/junit.ts';
import { manifestProblems } from '../../../src/report/manifest.ts';
import type { RunReport } from '../../../src/report/model.ts';
import { renderSummary } from '../../../src/report/summary.ts';
import { KnownSecrets } from '../../../src/evidence/known-secrets.ts';
import { writeReport } from '../../../src/report/write-report.ts';
import { loadPage, writers } from '../../../src/report/writers.ts';
import type { GoldenSignals } from '../../../src/observe/telemetry/golden.ts';
import { quantileText, shortQuantile } from '../../../src/report/signal-text.ts';
import { exampleReport } from './example-report.ts';
import { parseXml, type XmlElement } from './parse-xml.ts';

let root: string;
let report: RunReport;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'meshproof-writers-'));
  report = await exampleReport(join(root, 'failing'), 'failing');
});
after(() => rm(root, { recursive: true, force: true }));

const nasty =
  'a <b> & "c" \'d\' ]]> \u0000\u001b[31m \ud800 |pipe| `tick` @someone ![x](http://example.invalid/x.png)\r\n</style><script>alert(1)</script>';

function withAssertions(assertions: Assertion[]): RunReport {
  return { ...report, scenarios: [{ ...report.scenarios[0]!, assertions }] };
}

const all: Assertion[] = (['pass', 'fail', 'error', 'invalid', 'skipped'] as const).map((status) => ({
  id: `s/${status}`,
  title: nasty,
  status,
  expected: nasty,
  observed: nasty,
  hint: nasty,
  evidence: ['evidence/a.json'],
}));

describe('a quantile', () => {
  const signal = (p99Ms: number | null, interval?: [number, number | null]): GoldenSignals => ({
    ...report.signals[0]!,
    p99Ms,
    intervalsMs: interval && { p50: [0, 1], p95: [0, 1], p99: interval },
  });

  it('is a point, or else the interval it is known to lie in, never a dash', () => {
    expect(quantileText(signal(29.72, [29, 30]), 'p99')).to.equal('29.7 ms');
    expect(quantileText(signal(null, [10, 25]), 'p99')).to.equal('10 ms to 25 ms');
    expect(quantileText(signal(null, [10_000, null]), 'p99')).to.equal('more than 10.00 s');
    expect(quantileText(signal(null), 'p99')).to.equal('–');
    expect(shortQuantile(signal(null, [10, 25]), 'p99')).to.equal('≤ 25 ms');
    expect(shortQuantile(signal(null, [100, null]), 'p99')).to.equal('> 100 ms');
  });

  it('is in the page and in the summary as such', async () => {
    const { renderHtml } = await loadPage();
    // The page keeps numbers and their units on one line.
    const page = renderHtml(report).replaceAll('\u00a0', ' ');
    for (const text of [page, renderSummary(report)]) expect(text).to.contain('4 ms to 8 ms');
  });
});

describe('junit.xml', () => {
  const cases = (suite: XmlElement): XmlElement[] => suite.children.filter(({ name }) => name === 'testcase');

  it('has one test case per assertion, and counts that add up', () => {
    const xml = parseXml(renderJunit(report));
    expect(xml.name).to.equal('testsuites');
    const assertions = report.assertions.length + report.scenarios.flatMap((s) => s.assertions).length;
    expect(xml.children.flatMap(cases)).to.have.length(assertions);
    expect(xml.attributes.tests).to.equal(String(assertions));
    const kinds = { failures: 'failure', errors: 'error', skipped: 'skipped' } as const;
    for (const [counter, element] of Object.entries(kinds)) {
      const of = (suite: XmlElement): number =>
        cases(suite).filter((c) => c.children.some(({ name }) => name === element)).length;
      for (const suite of xml.children)
        expect(suite.attributes[counter], `${counter} of ${suite.attributes.name}`).to.equal(String(of(suite)));
      expect(xml.attributes[counter]).to.equal(String(xml.children.reduce((sum, suite) => sum + of(suite), 0)));
    }
    expect(xml.attributes.failures).to.equal(String(report.verdict.counts.fail));
  });

  it('says failure for fail, error for error and invalid, skipped with its reason', () => {
    const [suite] = parseXml(renderJunit(withAssertions(all))).children.filter(
      ({ attributes }) => attributes.name === report.scenarios[0]!.id,
    );
    const shown = cases(suite!).map((testcase) => testcase.children.map(({ name }) => name));
    expect(shown).to.deep.equal([[], ['failure'], ['error'], ['error'], ['skipped']]);
    expect(cases(suite!)[4]!.children[0]!.attributes.message).to.contain('<script>alert(1)</script>');
  });

  it('stays XML whatever it is told', () => {
    const text = renderJunit(withAssertions(all));
    expect(() => parseXml(text)).not.to.throw();
    expect(text).not.to.match(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
    expect(Buffer.from(text).toString()).to.equal(text);
    expect(escapeXml('a\u0001\ud800]]>😀')).to.equal('a\ufffd\ufffd]]&gt;😀');
  });

  it('shows errors of the run as test cases', () => {
    const xml = parseXml(
      renderJunit({ ...report, errors: [{ code: 'MESHPROOF_CAPTURE', message: 'tcpdump <died>', hint: 'look' }] }),
    );
    const suite = xml.children.find(({ attributes }) => attributes.name === 'errors')!;
    expect(cases(suite)[0]!.children[0]).to.deep.include({
      name: 'error',
      attributes: { message: 'tcpdump <died>', type: 'MESHPROOF_CAPTURE' },
    });
  });
});

describe('summary.md', () => {
  it('leaves no markup, no mention and no column to others', () => {
    const text = renderSummary(withAssertions(all));
    expect(text).not.to.match(/<script|<b>|[^\\]\|pipe|@someone|!\[x]/);
    const rows = text.split('\n').filter((line) => line.startsWith('| ❌'));
    expect(rows).to.have.length(1);
    expect(rows[0]!.match(/(?<!\\)\|/g)).to.have.length(6);
  });

  it('stays below 1 MiB, and says that it was cut', () => {
    const many = Array.from({ length: 20_000 }, (_, i) => ({ ...all[1]!, id: `s/${i}` }));
    const text = renderSummary(withAssertions(many));
    expect(Buffer.byteLength(text))
      .to.be.below(1024 * 1024)
      .and.above(900_000);
    expect(text).to.match(/> Cut short here: [\d,]+ parts left out/);
    expect(renderSummary(report)).not.to.contain('Cut short');
  });
});

describe('report.html', () => {
  it('has no script, loads nothing, and shows hostile text as text', async () => {
    const { renderHtml } = await loadPage();
    const html = renderHtml({
      ...withAssertions(all),
      errors: [{ code: 'MESHPROOF_INTERNAL', message: nasty, hint: nasty }],
    });
    expect(html).not.to.match(/<script|<iframe|<object|\son[a-z]+=|javascript:/i);
    expect(html).to.contain('&lt;script>alert(1)&lt;/script>');
    for (const [, url] of html.matchAll(/(?:src|href)="([^"]*)"/g)) expect(url).to.match(/^(#|evidence\/|data:,$)/);
    expect(html).to.contain(`Content-Security-Policy" content="default-src 'none';`);
  });

  it('is the same every time', async () => {
    const { renderHtml } = await loadPage();
    expect(renderHtml(report)).to.equal(renderHtml(report));
  });
});

describe('writeReport', () => {
  it('writes every file, a manifest that sha256sum accepts, and latest', async () => {
    const dir = join(root, 'failing');
    await writeReport(dir, report);
    expect(await readdir(dir)).to.have.members([
      'evidence',
      'junit.xml',
      'manifest.sha256',
      'report.html',
      'report.json',
      'summary.md',
    ]);
    const { stdout } = await runCommand(['sha256sum', '--strict', '-c', 'manifest.sha256'], { cwd: dir });
    const lines = stdout.trim().split('\n');
    expect(lines.every((line) => line.endsWith(': OK'))).to.equal(true);
    expect(lines).to.have.length(
      (await readdir(join(dir, 'evidence'), { recursive: true, withFileTypes: true })).filter((e) => e.isFile())
        .length + 4,
    );
    expect(await readlink(join(root, 'latest'))).to.equal('failing');
    expect(await manifestProblems(dir)).to.deep.equal([]);
  });

  it('points latest at the newest run, in one step', async () => {
    await writeReport(join(root, 'second'), await exampleReport(join(root, 'second'), 'empty'));
    expect(await readlink(join(root, 'latest'))).to.equal('second');
    expect((await readdir(root)).filter((name) => name.includes('.part'))).to.deep.equal([]);
  });

  it('a writer that crashes fails the run, and takes no other along', async () => {
    const dir = join(root, 'crash');
    const crashing = writers.map((writer) =>
      writer.file === 'report.html' ? { ...writer, render: () => Promise.reject(new Error('no ink')) } : writer,
    );
    const error = await writeReport(dir, await exampleReport(dir, 'interrupted'), { writers: crashing }).catch(
      (e: unknown) => e,
    );
    expect(error).to.be.instanceOf(MeshproofError).with.property('code', 'MESHPROOF_REPORT_WRITE');
    expect((error as Error).message).to.contain('report.html: no ink');
    expect(await readdir(dir))
      .to.include.members(['report.json', 'junit.xml', 'summary.md', 'manifest.sha256'])
      .and.not.include('report.html');
  });

  it('does not replace what is no link', async () => {
    const other = join(root, 'other');
    await mkdir(join(other, 'latest'), { recursive: true });
    await writeFile(join(other, 'latest/keep'), '');
    const error = await writeReport(join(other, 'run'), await exampleReport(join(other, 'run'), 'empty')).catch(
      (e: unknown) => e,
    );
    expect(error).to.have.property('code', 'MESHPROOF_REPORT_WRITE');
    expect((await lstat(join(other, 'latest'))).isDirectory()).to.equal(true);
  });

  it('no planted secret reaches any file', async () => {
    const dir = join(root, 'planted');
    const example = await exampleReport(dir, 'error');
    const secret = '8f246b77-f3e1-ff88-5b48-8ec93abf3e05';
    example.errors.push({
      code: 'MESHPROOF_INTERNAL',
      message: `request with X-Consul-Token: ${secret} failed for postgres://trips:hunter2@db/x`,
      hint: 'lab-secret-1',
    });
    await writeReport(dir, example, { secrets: new KnownSecrets(['lab-secret-1']) });
    for (const file of ['report.json', 'report.html', 'junit.xml', 'summary.md']) {
      const text = await readFile(join(dir, file), 'utf8');
      expect(text, file).not.to.match(/8f246b77|hunter2|lab-secret-1/);
      expect(text, file).to.contain('redacted');
    }
  });
});
