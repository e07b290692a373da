import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { identityOf } from '../../../src/base/process-identity.ts';
import { holderOf, tryLock } from '../../../src/base/process-lock.ts';

const module = new URL('../../../src/base/process-lock.ts', import.meta.url).href;
const loader = fileURLToPath(new URL('../../../bin/typescript.mjs', import.meta.url));

describe('a lock among processes', () => {
  let dir = '';
  beforeEach(() => (dir = join(mkdtempSync(join(tmpdir(), 'meshproof-test-')), 'lock')));
  afterEach(() => rmSync(join(dir, '..'), { recursive: true, force: true }));
  const holds = (attempt: Awaited<ReturnType<typeof tryLock>>): boolean => 'lock' in attempt;

  function other(program: string): ChildProcess {
    const text = `import { tryLock } from ${JSON.stringify(module)}; const dir = ${JSON.stringify(dir)}; ${program}`;
    return spawn(process.execPath, ['--import', loader, '--input-type=module', '-e', text], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  it('is one’s until it is given back, and says whose and what for', async () => {
    const first = await tryLock(dir, 'run');
    if (!('lock' in first)) return expect.fail('nobody has it');
    const second = await tryLock(dir, 'down', 50);
    if ('lock' in second) return expect.fail('another has it');
    expect(second.holder).to.include({ ...identityOf(process.pid), doing: 'run' });
    expect(Date.now() - Date.parse(second.holder.since)).to.be.within(0, 60_000);
    expect(await holderOf(dir)).to.deep.equal(second.holder);
    await first.lock[Symbol.asyncDispose]();
    expect(await holderOf(dir)).to.equal(undefined);
    expect(existsSync(dir)).to.equal(false);
    const third = await tryLock(dir, 'down');
    expect(holds(third)).to.equal(true);
  });

  it('of a process that was killed is nobody’s', async () => {
    const child = other(`await tryLock(dir, 'run'); process.stdout.write('held'); setInterval(() => {}, 1e6);`);
    await once(child.stdout!, 'data');
    const attempt = await tryLock(dir, 'down', 50);
    expect('holder' in attempt && attempt.holder).to.include({ pid: child.pid, doing: 'run' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await holderOf(dir)).to.equal(undefined);
    expect(holds(await tryLock(dir, 'down'))).to.equal(true);
    expect(readdirSync(dir)).to.have.length(1);
  });

  it('of an earlier process with the same pid, or before a restart, is nobody’s either', async () => {
    const me = identityOf(process.pid)!;
    mkdirSync(dir);
    writeFileSync(join(dir, `${me.pid}-1-${me.bootId}-00000000`), '{}');
    writeFileSync(join(dir, `${me.pid}-${me.startTicks}-${me.bootId.replaceAll(/[0-9a-f]/g, '0')}-00000000`), '{}');
    writeFileSync(join(dir, 'something else'), '');
    expect(holds(await tryLock(dir, 'run'))).to.equal(true);
  });

  it('is believed before its holder has said what for', async () => {
    const me = identityOf(process.pid)!;
    mkdirSync(dir);
    writeFileSync(join(dir, `${me.pid}-${me.startTicks}-${me.bootId}-00000000`), '');
    const attempt = await tryLock(dir, 'run', 50);
    expect('holder' in attempt && attempt.holder).to.include({ pid: process.pid, doing: 'starting' });
  });

  it('is never had by two, however many processes ask, die and ask again', async () => {
    const program = `
      import { openSync, closeSync, rmSync, appendFileSync } from 'node:fs';
      const { setTimeout: sleep } = await import('node:timers/promises');
      const end = Date.now() + 1000;
      let had = 0;
      while (Date.now() < end) {
        const attempt = await tryLock(dir, 'run', 100);
        if (!('lock' in attempt)) continue;
        // Fails if another is inside.
        closeSync(openSync(dir + '.inside', 'wx'));
        await sleep(1);
        rmSync(dir + '.inside');
        had++;
        await attempt.lock[Symbol.asyncDispose]();
      }
      process.stdout.write(String(had));`;
    const children = Array.from({ length: 4 }, () => other(program));
    const results = await Promise.all(
      children.map(async (child) => {
        let said = '';
        child.stdout!.on('data', (chunk: Buffer) => (said += chunk.toString()));
        const [code] = (await once(child, 'close')) as [number];
        return { code, had: Number(said) };
      }),
    );
    expect(results.map(({ code }) => code)).to.deep.equal([0, 0, 0, 0]);
    expect(results.reduce((sum, { had }) => sum + had, 0)).to.be.greaterThan(4);
  });

  it('is given to one of two who ask at the same moment in one process', async () => {
    for (let round = 0; round < 3; round++) {
      const attempts = await Promise.all([tryLock(dir, 'a', 200), tryLock(dir, 'b', 200)]);
      expect(attempts.filter(holds)).to.have.length(1);
      for (const attempt of attempts) if ('lock' in attempt) await attempt.lock[Symbol.asyncDispose]();
    }
  });
});
