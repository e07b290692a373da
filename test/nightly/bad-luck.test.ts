import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pollUntil } from '../../src/base/poll.ts';
import { readRecord } from '../../src/clusters/embedded/lab-record.ts';
import { labVariable } from '../../src/clusters/embedded/node-process.ts';
import { labelledProcesses } from '../../src/base/process-identity.ts';
import { residue } from '../../src/clusters/embedded/residue.ts';
import { lastLineOf, meshproof, readRunReport, runLabs, startMeshproof, untilSaid } from '../e2e/cli.ts';

/** The only lab of a run that is up, or being made. */
const labOfRun = (): Promise<string> =>
  pollUntil<string>(
    async () => {
      const [found] = await runLabs();
      return found === undefined ? { pending: 'no lab yet' } : { ready: found };
    },
    { what: 'the lab of the run', timeoutMs: 60_000 },
  );

describe('bad luck', function () {
  this.timeout(400_000);
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-e2e-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const start = (reports = folder) => startMeshproof(['run', '--reports', reports, 'no-code-change']);

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`${signal} while the lab comes up: cleanup, a partial report, exit code 130`, async () => {
      const child = start();
      const name = await labOfRun();
      child.kill(signal);
      const result = await child;
      expect(result.exitCode, result.stderr).to.equal(130);
      expect(lastLineOf(result.stdout)).to.match(/^interrupted[,:] /);
      expect(readRunReport(folder).verdict).to.include({ interrupted: true, exitCode: 130 });
      expect(await residue(name)).to.deep.equal([]);
    });
  }

  it('kill -9: the next `down` removes the lab', async () => {
    const child = start();
    const name = await labOfRun();
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

  it('an API server that hangs is exit code 3, with its name in the verdict and nothing left', async () => {
    const child = start();
    const name = await labOfRun();
    await untilSaid(child, /✓ health before/);
    const id = (await readRecord(name))?.id;
    const [server] = labelledProcesses(labVariable).filter(
      ({ pid, value }) => value === id && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'kube-apiserver',
    );
    process.kill(server!.pid, 'SIGSTOP');
    const result = await child;
    expect(result.exitCode, result.stderr).to.equal(3);
    expect(lastLineOf(result.stdout)).to.match(/^error: .*no answer from the API server.*MESHPROOF_KUBE_TIMEOUT/);
    expect(await residue(name)).to.deep.equal([]);
  });

  it('two runs at once do not disturb each other', async () => {
    const folders = ['a', 'b'].map((name) => join(folder, name));
    const results = await Promise.all(folders.map((reports) => start(reports)));
    for (const [index, result] of results.entries()) {
      expect(result.exitCode, `${result.stdout}\n${result.stderr}`).to.equal(0);
      expect(lastLineOf(result.stdout)).to.match(/^healthy: 1 of 1 criterion /);
      const check = await meshproof(['report', 'check', join(folders[index]!, 'latest')]);
      expect(check.exitCode, check.all).to.equal(0);
    }
    expect(await runLabs()).to.deep.equal([]);
  });
});
