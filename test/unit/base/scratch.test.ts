import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { scratchFolder } from '../../../src/base/scratch.ts';

describe('scratchFolder', () => {
  let parent = '';
  beforeEach(() => (parent = mkdtempSync(join(tmpdir(), 'meshproof-scratch-'))));
  afterEach(() => rmSync(parent, { recursive: true }));

  it('is gone with all that is in it when its scope is left, by an error too', async () => {
    let path = '';
    const work = async (): Promise<void> => {
      await using scratch = await scratchFolder(join(parent, 'made/too'));
      ({ path } = scratch);
      mkdirSync(join(path, 'a/b'), { recursive: true });
      writeFileSync(join(path, 'a/b/c'), 'half');
      throw new Error('in the middle');
    };
    expect(await work().catch((error: unknown) => error)).to.have.property('message', 'in the middle');
    expect(path).to.include(join(parent, 'made/too'));
    expect(existsSync(path)).to.equal(false);
  });

  it('removes what a killed process left, and nothing of a living one', async () => {
    await using mine = await scratchFolder(parent);
    // The parts of the name after the pid and its start: this boot, this pid namespace.
    const [, , ...rest] = basename(mine.path).split('.').slice(1);
    const child = execa('sleep', ['600'], { reject: false });
    child.kill('SIGKILL');
    await child;
    const dead = ['', `scratch-${child.pid}`, '1', ...rest].join('.');
    mkdirSync(join(parent, dead));
    mkdirSync(join(parent, 'not-scratch'));
    await using other = await scratchFolder(parent);
    expect(readdirSync(parent)).to.have.members([basename(mine.path), basename(other.path), 'not-scratch']);
  });

  it('believes a process of another container or machine for a day', async () => {
    const foreign = (age: number): string => {
      const path = join(parent, `.scratch-1.1.another-boot.1.${age}`);
      mkdirSync(path);
      const seconds = Date.now() / 1000 - age * 3600;
      utimesSync(path, seconds, seconds);
      return basename(path);
    };
    const [fresh] = [foreign(23), foreign(25)];
    await using scratch = await scratchFolder(parent);
    expect(readdirSync(parent)).to.have.members([fresh, basename(scratch.path)]);
  });
});
