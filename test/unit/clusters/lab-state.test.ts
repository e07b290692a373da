import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { claimLab, labDir, saveRecord, type LabRecord } from '../../../src/clusters/embedded/lab-record.ts';
import { summarizeLabs } from '../../../src/clusters/embedded/list-labs.ts';
import { labVariable } from '../../../src/clusters/embedded/node-process.ts';
import { lockLab, labHolder } from '../../../src/clusters/lab-lock.ts';
import { kubeconfigFor, ScriptedApi } from '../kube/api-server.ts';

describe('the state of a lab is what its processes and its API server say', () => {
  let root = '';
  const children: ChildProcess[] = [];
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'meshproof-labs-'))));
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(root, { recursive: true, force: true });
  });

  /** A lab left by `up` that says it is running, with a process of its node. */
  async function lab(name: string): Promise<{ record: LabRecord; node: ChildProcess }> {
    const claimed = await claimLab(name, false, root);
    const record: LabRecord = { ...claimed, state: 'running', kubernetesVersion: 'v1.34.2' };
    await saveRecord(record, root);
    const node = spawn('sleep', ['600'], { env: { ...process.env, [labVariable]: record.id } });
    await once(node, 'spawn');
    children.push(node);
    return { record, node };
  }
  const answersAt = (name: string, server: string): void =>
    writeFileSync(join(labDir(name, root), 'kubeconfig'), kubeconfigFor(server));
  const states = async (ask = true): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await summarizeLabs({ ask }, root)).map(({ name, state, reason }) => [
        name,
        reason === undefined ? state : `${state}: ${reason}`,
      ]),
    );

  it('running, once the API server says that it is ready', async () => {
    let status = 200;
    const paths: string[] = [];
    await using api = await ScriptedApi.start((asked, response) => {
      paths.push(asked.path);
      response.writeHead(status).end(status === 200 ? 'ok' : '[-]etcd failed');
    });
    await lab('one');
    answersAt('one', api.url);
    const [summary] = await summarizeLabs({ ask: true }, root);
    expect(summary).to.deep.include({
      name: 'one',
      provider: 'embedded',
      state: 'running',
      kept: true,
      kubernetesVersion: 'v1.34.2',
      kubeconfigPath: join(root, 'one', 'kubeconfig'),
    });
    expect(paths).to.deep.equal(['/readyz']);
    status = 500;
    expect((await states()).one).to.match(/^not answering: .*etcd failed/);
  });

  it('not answering, within 2 s, when it hangs or is not there', async () => {
    await using api = await ScriptedApi.start(() => {});
    await Promise.all([lab('hangs'), lab('refuses'), lab('no-config')]);
    answersAt('hangs', api.url);
    answersAt('refuses', 'http://127.0.0.1:1');
    const seen = await states();
    expect(seen['hangs']).to.match(/^not answering: .*no answer/);
    expect(seen['refuses']).to.match(/^not answering: .*ECONNREFUSED/);
    expect(seen['no-config']).to.match(/^not answering: .*kubeconfig/);
    expect(await states(false)).to.deep.equal({ hangs: 'running', refuses: 'running', 'no-config': 'running' });
  });

  it('dead, when none of its processes is left, whatever its record says', async () => {
    const { node } = await lab('one');
    node.kill('SIGKILL');
    await once(node, 'exit');
    expect(await states()).to.deep.equal({ one: 'dead: none of its processes is left' });
  });

  it('dead, when nobody is left who would end it, and when nobody can read what it is', async () => {
    const { record } = await lab('one');
    await saveRecord({ ...record, ownedByProcess: true, owner: { ...record.owner, startTicks: '1' } }, root);
    mkdirSync(join(root, 'two'));
    expect(await states()).to.deep.equal({
      one: `dead: process ${process.pid}, whose lab it is, is gone`,
      two: 'dead: its record cannot be read',
    });
    await saveRecord({ ...record, owner: { ...record.owner, bootId: 'earlier' } }, root);
    expect((await states()).one).to.equal('dead: the machine was restarted under it');
  });

  it('being made', async () => {
    await claimLab('one', true, root);
    expect(await states()).to.deep.equal({ one: 'creating' });
  });
});

describe('a lab that is in use', () => {
  let root = '';
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'meshproof-locks-'))));
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const errorOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => expect.fail('it did not throw'),
      (error: unknown) => error,
    );

  it('is refused to others by name, with who uses it, what for and since when', async () => {
    {
      await using _lock = await lockLab('dev', 'run', root);
      const error = await errorOf(lockLab('dev', 'up', root));
      expect(error).to.include({ code: 'MESHPROOF_LAB_BUSY', exitCode: 3 });
      expect((error as Error).message).to.match(
        new RegExp(`^The lab dev is in use: process ${process.pid} \\(run\\) since 20\\S+Z, \\d+ s ago$`),
      );
      expect((await errorOf(lockLab('dev', 'down', root))) as { hint: string })
        .to.have.property('hint')
        .that.contains('--force');
      expect(await labHolder('dev', root)).to.include({ pid: process.pid, doing: 'run' });
      await using _other = await lockLab('other', 'run', root);
    }
    expect(await labHolder('dev', root)).to.equal(undefined);
    await using _again = await lockLab('dev', 'down', root);
  });
});
