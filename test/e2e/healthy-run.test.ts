import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { labEntries } from '../../src/cluster/embedded/lab-record.ts';
import { residue } from '../../src/cluster/embedded/residue.ts';
import { pollUntil } from '../../src/base/poll.ts';
import { meshproof, readRunReport, root } from './cli.ts';

/** Names of the labs of runs (`run-…`); tests that use named labs are left out. */
const runLabs = async (): Promise<string[]> => (await labEntries()).labs.filter((name) => name.startsWith('run-'));

describe('a run from nothing', function () {
  this.timeout(600_000);
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-e2e-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('is healthy: every criterion passes with evidence, the report checks, nothing is left', async () => {
    const cli = await meshproof(['run', '--reports', folder], { timeoutMs: 580_000 });
    expect(cli.exitCode, cli.all).to.equal(0);
    expect(cli.lastLine).to.match(/^healthy: 6 of 6 criteria and \d+ assertions passed — .*report\.html$/);
    const report = readRunReport(folder);
    expect(report.criteria.map(({ status }) => status)).to.deep.equal(Array(6).fill('pass'));
    for (const { id, evidence } of report.scenarios.flatMap(({ assertions }) => assertions)) {
      expect(evidence, id).not.to.be.empty;
      for (const path of evidence) expect(existsSync(join(folder, report.runId, path)), path).to.equal(true);
    }
    const check = await meshproof(['report', 'check', join(folder, 'latest')]);
    expect(check.exitCode, check.all).to.equal(0);
    const names = readdirSync(join(folder, report.runId));
    expect(names).to.include.members(['report.json', 'report.html', 'junit.xml', 'summary.md', 'manifest.sha256']);
    expect(await runLabs()).to.deep.equal([]);
  });

  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 130],
  ] as const) {
    it(`${signal} while the lab comes up: cleanup, a partial report, exit code 130`, async () => {
      const child = execa('./bin/meshproof', ['run', '--reports', folder, 'no-code-change'], {
        cwd: root,
        stdin: 'ignore',
        reject: false,
      });
      await pollUntil(async () => ((await runLabs()).length > 0 ? { ready: true } : { pending: 'no lab yet' }), {
        what: 'the lab of the run',
        timeoutMs: 60_000,
      });
      child.kill(signal);
      const result = await child;
      expect(result.exitCode, result.stderr).to.equal(exitCode);
      expect(result.stdout.trim().split('\n').at(-1)).to.match(/^interrupted[,:] /);
      const report = readRunReport(folder);
      expect(report.verdict).to.include({ interrupted: true, exitCode: 130 });
      expect(await runLabs()).to.deep.equal([]);
      expect(await residue(`run-${report.runId.slice(-13)}`)).to.deep.equal([]);
    });
  }

  it('kill -9: the next `down` removes the lab', async () => {
    const child = execa('./bin/meshproof', ['run', '--reports', folder, 'no-code-change'], {
      cwd: root,
      stdin: 'ignore',
      reject: false,
    });
    const name = await pollUntil<string>(
      async () => {
        const [found] = await runLabs();
        return found === undefined ? { pending: 'no lab yet' } : { ready: found };
      },
      { what: 'the lab of the run', timeoutMs: 60_000 },
    );
    child.kill('SIGKILL');
    await child;
    const down = await meshproof(['down']);
    expect(down.all).to.contain(`Deleted ${name}`);
    expect(await residue(name)).to.deep.equal([]);
  });

  it('a deadline that passes is exit code 3, with a report that says so', async () => {
    const cli = await meshproof(['run', '--reports', folder, '--timeout', '3s', 'no-code-change']);
    expect(cli.exitCode, cli.all).to.equal(3);
    expect(cli.lastLine).to.contain('--timeout of 3 s');
    expect(readFileSync(join(folder, 'latest', 'junit.xml'), 'utf8')).to.contain('<testsuites');
    expect(await runLabs()).to.deep.equal([]);
  });
});
