import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { memoryOfLabelled } from '../../bench/process-memory.ts';

const variable = 'MESHPROOF_TEST_MEMORY';

describe('memory of labelled processes', () => {
  const value = `test-${process.pid}`;
  const children: ChildProcess[] = [];
  afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')));

  /** Says a line once it has come so far, then waits for the end of its input. */
  const start = async (script: string, env: Record<string, string>): Promise<void> => {
    const child = spawn('/bin/sh', ['-c', script], { env: { PATH: process.env['PATH'], ...env } });
    children.push(child);
    await once(child.stdout!, 'data');
  };

  it('counts descendants without the mark, as programs in containers are', async () => {
    // The child has an empty environment, and ends with its input when the shell is killed.
    await start(`env -i /bin/sh -c 'echo ready; read line; :'; :`, { [variable]: value });
    const memory = memoryOfLabelled(variable, value);
    expect(memory.processes).to.equal(2);
    expect(memory.pssMiB).to.equal(Math.round(memory.pssMiB)).and.to.be.lessThan(50);
    expect(memory.programs).to.have.all.keys('sh');
  });

  it('counts nothing that carries another mark or none', async () => {
    await start('echo ready; read line; :', { [variable]: `${value}-other` });
    await start('echo ready; read line; :', {});
    expect(memoryOfLabelled(variable, value)).to.deep.equal({ processes: 0, pssMiB: 0, programs: {} });
  });

  it('sees memory that is used', async () => {
    const script = `const held = Buffer.alloc(64 * 2 ** 20, 1); console.log(held.length); process.stdin.resume()`;
    await start(`exec "${process.execPath}" -e '${script}'`, { [variable]: value });
    expect(memoryOfLabelled(variable, value).pssMiB).to.be.greaterThan(64);
  });
});
