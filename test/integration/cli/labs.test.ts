import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { claimLab, labDir, readRecord, saveRecord } from '../../../src/clusters/embedded/lab-record.ts';
import { labVariable } from '../../../src/clusters/embedded/node-process.ts';
import { lockLab } from '../../../src/clusters/lab-lock.ts';
import { root as repository } from '../../e2e/cli.ts';

describe('labs on the command line', () => {
  let stateHome = '';
  let labs = '';
  const children: ChildProcess[] = [];
  beforeEach(() => {
    stateHome = mkdtempSync(join(tmpdir(), 'meshproof-state-'));
    labs = join(stateHome, 'meshproof', 'labs');
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(stateHome, { recursive: true, force: true });
  });
  const meshproof = (...args: string[]) =>
    execa(join(repository, 'bin', 'meshproof'), args, {
      env: { XDG_STATE_HOME: stateHome },
      stdin: 'ignore',
      reject: false,
      all: true,
    });

  /** A lab that `up` left, as far as its record and a process of its node go. */
  async function lab(name: string): Promise<ChildProcess> {
    const record = await claimLab(name, false, labs);
    await saveRecord({ ...record, state: 'running', kubernetesVersion: 'v1.34.2' }, labs);
    const node = spawn('sleep', ['600'], { env: { ...process.env, [labVariable]: record.id } });
    await once(node, 'spawn');
    children.push(node);
    return node;
  }
  const use = (name: string, doing: string) => lockLab(name, doing, join(stateHome, 'meshproof', 'locks'));

  it('status tells a lab that answers nothing from one that is dead, and who uses it', async () => {
    const node = await lab('gone');
    await lab('mute');
    node.kill('SIGKILL');
    await once(node, 'exit');
    await using _lock = await use('mute', 'run');
    const { all, exitCode } = await meshproof('status');
    expect(exitCode, all).to.equal(0);
    expect(all).to.match(/^gone: dead: none of its processes is left; the next `up`, `run` or `down` removes it$/m);
    expect(all).to.match(/^mute: not answering: /m);
    expect(all).to.match(new RegExp(`^mute: in use: process ${process.pid} \\(run\\) since `, 'm'));
    const { stdout } = await meshproof('status', '--json');
    const seen = (JSON.parse(stdout) as { labs: { id: string; state: string; inUseBy?: { pid: number } }[] }).labs;
    expect(seen.map(({ id, state, inUseBy }) => [id, state, inUseBy?.pid])).to.deep.equal([
      ['gone', 'dead', undefined],
      ['mute', 'not answering', process.pid],
    ]);
  });

  it('an output that cannot be written is no failed assertion: exit code 3, with what happened', async () => {
    const program = join(repository, 'bin', 'meshproof');
    const script = '"$0" status > /dev/full';
    const result = await execa('sh', ['-c', script, program], { env: { XDG_STATE_HOME: stateHome }, reject: false });
    expect(result.stderr)
      .to.match(/MESHPROOF_DISK_FULL/)
      .and.not.to.match(/\n\s+at /);
    expect(result.exitCode).to.equal(3);
  });

  it('down refuses a lab that is in use, deletes the others, and any with --force', async () => {
    for (const name of ['busy', 'free', 'also-free']) await lab(name);
    await using _lock = await use('busy', 'run');
    const one = await meshproof('down', 'busy');
    expect(one.exitCode, one.all).to.equal(3);
    expect(one.stderr).to.match(/MESHPROOF_LAB_BUSY: The lab busy is in use: process \d+ \(run\) since .*\n.*--force/);
    expect(await readRecord('busy', labs)).to.not.equal(undefined);
    const all = await meshproof('down', '--all');
    expect(all.exitCode, all.all).to.equal(3);
    expect(all.stdout).to.match(/^Deleted (free, also-free|also-free, free) in .*; nothing is left\.$/);
    expect(existsSync(labDir('free', labs))).to.equal(false);
    const forced = await meshproof('down', 'busy', '--force');
    expect(forced.exitCode, forced.all).to.equal(0);
    expect(existsSync(labDir('busy', labs))).to.equal(false);
    expect((await meshproof('down', '--all')).stdout).to.equal('There is no lab.');
  });
});
