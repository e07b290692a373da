import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deleteAllLabs, deleteLab, reapDeadLabs } from '../../../src/clusters/embedded/delete-lab.ts';
import { claimLab, isDead, readRecord, saveRecord, type LabRecord } from '../../../src/clusters/embedded/lab-record.ts';
import { listLabs } from '../../../src/clusters/embedded/list-labs.ts';
import { identityOf, isRunning, labelledProcesses } from '../../../src/base/process-identity.ts';
import { residue } from '../../../src/clusters/embedded/residue.ts';
import type { MeshproofError } from '../../../src/base/errors.ts';

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: MeshproofError) => error.code,
  );

describe('who owns a process', () => {
  it('knows a process until it ends', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const identity = identityOf(child.pid!)!;
    expect(isRunning(identity)).to.equal(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isRunning(identity)).to.equal(false);
  });

  it('is not fooled by a later process with the same pid, nor by another boot', () => {
    const own = identityOf(process.pid)!;
    expect(isRunning(own)).to.equal(true);
    expect(isRunning({ ...own, startTicks: String(Number(own.startTicks) - 1) })).to.equal(false);
    expect(isRunning({ ...own, bootId: '00000000-0000-0000-0000-000000000000' })).to.equal(false);
  });

  it('finds processes by an environment variable, whole values only', async () => {
    const child = spawn('sleep', ['60'], { env: { ...process.env, MESHPROOF_UNIT: 'abc' } });
    await once(child, 'spawn');
    try {
      const found = labelledProcesses('MESHPROOF_UNIT').filter(({ pid }) => pid === child.pid);
      expect(found).to.deep.equal([{ pid: child.pid, value: 'abc' }]);
    } finally {
      child.kill('SIGKILL');
    }
  });
});

describe('records of labs', () => {
  let root = '';
  beforeEach(async () => (root = await mkdtemp(join(tmpdir(), 'meshproof-labs-'))));
  afterEach(() => rm(root, { recursive: true, force: true }));

  const dead = (record: LabRecord): LabRecord => ({ ...record, owner: { ...record.owner, startTicks: '1' } });

  it('gives a name to one only, however many ask at once', async () => {
    const codes = await Promise.all(Array.from({ length: 8 }, () => codeOf(claimLab('twin', true, root))));
    expect(codes.filter((code) => code === 'no error')).to.have.length(1);
    expect(codes.filter((code) => code === 'MESHPROOF_LAB_BUSY')).to.have.length(7);
    expect(await readdir(root)).to.deep.equal(['twin']);
  });

  for (const name of ['', 'A', '-a', 'a-', 'a/b', '..', 'a'.repeat(25), 'ä', 'a b']) {
    it(`refuses the name '${name}'`, async () => {
      expect(await codeOf(claimLab(name, true, root))).to.equal('MESHPROOF_USAGE');
      expect(await readdir(root)).to.deep.equal([]);
    });
  }

  const fates: [string, Partial<LabRecord>, boolean, boolean][] = [
    ['owned, owner alive', { ownedByProcess: true, state: 'running' }, true, false],
    ['owned, owner gone', { ownedByProcess: true, state: 'running' }, false, true],
    ['left by up, owner gone', { ownedByProcess: false, state: 'running' }, false, false],
    ['half made by up, owner gone', { ownedByProcess: false, state: 'creating' }, false, true],
    ['half made by up, owner alive', { ownedByProcess: false, state: 'creating' }, true, false],
  ];
  for (const [what, fields, ownerAlive, expected] of fates) {
    it(`a lab is ${expected ? 'dead' : 'not dead'}: ${what}`, async () => {
      const record = { ...(await claimLab('x', true, root)), ...fields };
      expect(isDead(ownerAlive ? record : dead(record))).to.equal(expected);
    });
  }

  it('every lab is dead after a reboot', async () => {
    const record = await claimLab('x', false, root);
    expect(isDead({ ...record, state: 'running', owner: { ...record.owner, bootId: 'earlier' } })).to.equal(true);
  });

  it('reaping takes dead labs and remains, and leaves the living', async () => {
    await claimLab('alive', true, root);
    await saveRecord(dead(await claimLab('gone', true, root)), root);
    await mkdir(join(root, '.delete-old-12345678', 'etcd'), { recursive: true });
    await mkdir(join(root, '.claim-fresh-12345678'));
    await mkdir(join(root, '.claim-stale-12345678'));
    await utimes(join(root, '.claim-stale-12345678'), 0, 0);
    expect(await listLabs(root).then((labs) => labs.map(({ name, state }) => [name, state]))).to.deep.equal([
      ['alive', 'creating'],
      ['gone', 'dead'],
    ]);
    expect(await reapDeadLabs(root)).to.deep.equal(['gone']);
    expect((await readdir(root)).sort()).to.deep.equal(['.claim-fresh-12345678', 'alive']);
  });

  it('a running lab whose node was killed from outside is reaped once its owner is gone', async () => {
    const record = { ...(await claimLab('x', false, root)), state: 'running' as const };
    await saveRecord(record, root);
    expect(await reapDeadLabs(root)).to.deep.equal([]);
    await saveRecord(dead(record), root);
    expect(await reapDeadLabs(root)).to.deep.equal(['x']);
  });

  it('deleting what is not there is done', async () => {
    await deleteLab('nobody', root);
    expect(await deleteAllLabs(join(root, 'nowhere'))).to.deep.equal([]);
  });

  it('residue sees what a lab leaves, and only that lab’s', async () => {
    expect(await residue('x', root)).to.deep.equal([]);
    const record = await claimLab('x', true, root);
    await claimLab('xy', true, root);
    const child = spawn('sleep', ['60'], { env: { ...process.env, MESHPROOF_LAB: record.id } });
    await once(child, 'spawn');
    await mkdir(join(root, '.delete-x-0123abcd'));
    expect((await residue('x', root)).sort()).to.deep.equal([
      `file ${join(root, '.delete-x-0123abcd')}`,
      `file ${join(root, 'x')}`,
      `process ${child.pid}`,
    ]);
    // Deletion kills whatever carries the lab's mark.
    await deleteLab('x', root);
    await rm(join(root, '.delete-x-0123abcd'), { recursive: true });
    expect(await residue('x', root)).to.deep.equal([]);
    expect(await readRecord('xy', root)).to.not.equal(undefined);
  });

  it('a record that cannot be read counts as remains', async () => {
    await mkdir(join(root, 'broken'));
    await writeFile(join(root, 'broken', 'lab.json'), '{');
    expect(await reapDeadLabs(root)).to.deep.equal(['broken']);
  });
});
