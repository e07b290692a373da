import { expect } from 'chai';
import { execa } from 'execa';
import { readLock } from '../../../src/tools/lock.ts';
import { root } from '../../e2e/cli.ts';

interface DoctorOutput {
  limits: { id: string; limit: number | null; needed: number; enough: boolean }[];
  tools: { name: string; licence: string }[];
}

describe('meshproof doctor', () => {
  const doctor = async (processes: string) => {
    const argv = [`--nproc=${processes}`, './bin/meshproof', 'doctor', '--json'];
    const { stdout, exitCode } = await execa('prlimit', argv, { cwd: root, reject: false });
    return { output: JSON.parse(stdout) as DoctorOutput, exitCode };
  };

  it('says that too few processes are allowed, and how many a lab needs', async () => {
    const few = await doctor('200');
    expect(few.exitCode).to.equal(3);
    const limit = few.output.limits.find(({ id }) => id === 'user-processes');
    expect(limit).to.include({ limit: 200, needed: 1024, enough: false });
    const enough = await doctor('4096');
    expect(enough.output.limits.find(({ id }) => id === 'user-processes')).to.include({ limit: 4096, enough: true });
    expect(enough.exitCode).to.equal(0);
  });

  it('tells the licence of every tool', async () => {
    const { output } = await doctor('4096');
    const told = Object.fromEntries(output.tools.map(({ name, licence }) => [name, licence]));
    expect(Object.keys(told)).to.have.members(Object.keys(readLock().tools));
    expect(told).to.include({ k6: 'AGPL-3.0-only', consul: 'BUSL-1.1', kubernetes: 'Apache-2.0' });
  });
});
